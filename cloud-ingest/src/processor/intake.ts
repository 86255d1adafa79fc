import type { Decoded } from '../decode/decoder.ts';

/**
 * Compressed records say little of the samples in them, and samples are what takes memory and time; of small batches, what is
 * around them. One transaction's worth is stored while the next is decoded.
 */
const maxSamples = 120_000;
/** A record without samples takes as much memory as this many. */
const samplesPerRecord = 40;

/**
 * What has been decoded for one lane and waits for the database. It grows while the database is busy, so transactions are as
 * large as the database is slow; beyond `maxBytes` of records or `maxSamples`, who adds has to wait for room.
 */
export class Intake {
  private readonly maxBytes: number;
  private records: Decoded[] = [];
  private bytes = 0;
  private samples = 0;
  private changed = Promise.withResolvers<void>();
  /** Whether what was taken last has been given up since: it will be fetched again, from where the database stands then. */
  isTakenVoid = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes that still have room; at least one record always has, so that a large one passes. */
  get roomBytes(): number {
    return this.samples >= maxSamples ? 0 : Math.max(0, this.maxBytes - this.bytes);
  }

  add(records: readonly Decoded[]): void {
    for (const record of records) {
      this.records.push(record);
      this.bytes += record.origin.bytes.length;
      this.samples += samplesOf(record);
    }
    this.change();
  }

  /** What is there, once there is something, the oldest first; empty when the signal is aborted. */
  async take(signal: AbortSignal): Promise<readonly Decoded[]> {
    while (this.records.length === 0 && !signal.aborted) await this.nextChange(signal);
    if (signal.aborted) return [];
    return this.takeOldest();
  }

  private takeOldest(): readonly Decoded[] {
    let [count, samples] = [0, 0];
    for (const record of this.records) {
      samples += samplesOf(record);
      if (count > 0 && samples > maxSamples) break;
      count += 1;
    }
    const taken = this.records.slice(0, count);
    const left = this.records.slice(count);
    this.clear();
    this.isTakenVoid = false;
    this.add(left);
    return taken;
  }

  /** Resolves when there is room, or the signal is aborted. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.roomBytes === 0 && !signal.aborted) await this.nextChange(signal);
  }

  clear(): void {
    this.isTakenVoid = true;
    this.records = [];
    this.bytes = 0;
    this.samples = 0;
    this.change();
  }

  private change(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers<void>();
  }

  private async nextChange(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.change();
    signal.addEventListener('abort', wake, { once: true });
    await this.changed.promise;
    signal.removeEventListener('abort', wake);
  }
}

const samplesOf = (record: Decoded): number =>
  samplesPerRecord + (record.kind === 'batch' ? record.batch.time.length : 0);
