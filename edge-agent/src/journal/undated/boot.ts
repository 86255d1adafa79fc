/** The boot of the machine that the agent runs in, and whether its clock is set. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Micros } from '@fieldline/shared/contracts';

export type Boot = {
  /** A UUID, the same for every process of the boot. */
  readonly id: string;
  /** µs on a clock that every process of the boot shares, begins with it and never steps. */
  readonly micros: () => number;
};

/** No earlier time is believed: a gateway without a real-time clock boots in 1970, or with a time of its firmware. */
export const firstBelievedTime: Micros = Date.UTC(2020, 0) * 1_000;

export const isBelieved = (time: Micros): boolean => time >= firstBelievedTime;

/** Linux names its boots. Elsewhere each process is a boot of its own: nothing can be told of the one before. */
export const systemBoot = (): Boot => ({
  id: bootId(),
  // CLOCK_MONOTONIC, which begins with the boot.
  micros: () => Number(process.hrtime.bigint() / 1_000n),
});

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
