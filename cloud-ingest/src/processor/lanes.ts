/**
 * Transactions side by side, one for each lane. A partition has its lane for ever, and so has a gateway: two lanes share no
 * stream, no device and no offset, and neither waits for what the other has locked.
 */
import type { Decoded } from '../decode/decoder.ts';
import { Intake } from './intake.ts';

/** The intakes of all lanes, as one for whoever fills them. */
export class Lanes {
  readonly intakes: readonly Intake[];

  /** `maxBytes`: of the records in all lanes together. */
  constructor(count: number, maxBytes: number) {
    this.intakes = Array.from({ length: count }, () => new Intake(Math.ceil(maxBytes / count)));
  }

  /** Of the fullest: what comes next may be for that one. */
  get roomBytes(): number {
    return Math.min(...this.intakes.map((intake) => intake.roomBytes));
  }

  add(records: readonly Decoded[]): void {
    const { length } = this.intakes;
    for (const [lane, ofLane] of Map.groupBy(records, ({ origin }) => origin.partition % length))
      this.intakes[lane]?.add(ofLane);
  }

  /** Resolves when there is room in every lane, or the signal is aborted. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.roomBytes === 0 && !signal.aborted) {
      for (const intake of this.intakes) await intake.untilRoom(signal);
    }
  }

  clear(): void {
    for (const intake of this.intakes) intake.clear();
  }
}
