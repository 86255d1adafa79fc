import type { Clock } from '@fieldline/shared/runtime';
import { bytesIn } from './batches.ts';
import type { Chain } from './chain.ts';
import type { Disk } from './disk.ts';
import type { Durability } from './durability.ts';
import type { LastSamples } from './last/last-samples.ts';
import type { JournalMetrics } from './metrics.ts';
import type { Moment } from './note.ts';
import type { Pending, Taken } from './pending.ts';
import type { Store } from './store.ts';
import { encodedAt } from './undated/restart-loss.ts';

export type IntakeParts = {
  readonly pending: Pending;
  readonly chain: Chain;
  readonly store: Store;
  readonly durability: Durability;
  readonly lastSamples: LastSamples;
  readonly metrics: JournalMetrics;
  readonly clock: Clock;
  readonly moment: () => Moment;
};

/** Makes batches of what is pending and puts them where they are safe. */
export class Intake {
  /** What was read until then has a number. */
  numberedUntil: Moment;
  private readonly parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.parts = parts;
    this.numberedUntil = parts.moment();
  }

  /** `diskOf`: undefined while it takes nothing, which a batch may be the first to find out. */
  write(wanted: 'samples' | 'counts', diskOf: () => Disk | undefined): void {
    const taken = this.parts.pending.take(wanted);
    if (taken.length === 0) this.numberedUntil = this.parts.moment();
    if (taken.length === 0) return;
    const begun = performance.now();
    for (const each of taken) {
      if (each === taken.at(-1)) this.numberedUntil = this.parts.moment();
      this.writeClass(each, diskOf());
    }
    this.parts.metrics.flushSeconds.observe((performance.now() - begun) / 1_000);
  }

  private writeClass({ class: tagClass, samples, filtered, declared }: Taken, disk: Disk | undefined): void {
    const { chain, store, durability, lastSamples, metrics, clock } = this.parts;
    const writer = chain.writerOf(tagClass);
    const encoded = writer.encode(
      samples,
      declared,
      filtered,
      encodedAt(clock.now(), () => store.lastAt),
    );
    chain.wrote(writer);
    const batches = encoded.map(({ batch }) => batch);
    metrics.encodedBytes.inc(bytesIn(batches));
    const isOnDisk = durability.put(batches, disk);
    for (const { batch, part } of encoded) lastSamples.took(part, batch, isOnDisk);
  }
}
