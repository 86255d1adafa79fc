import type { Decoded } from '../decode/decoder.ts';

/**
 * What has been decoded and waits for the database. It grows while the database is busy, so transactions are as large as the
 * database is slow, up to `maxBytes` of records; beyond that `add` waits.
 */
export class Intake {
  private readonly maxBytes: number;
  private records: Decoded[] = [];
  private bytes = 0;
  private changed = Promise.withResolvers<void>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes that still have room; at least one record always has, so that a large one passes. */
  get roomBytes(): number {
    return Math.max(0, this.maxBytes - this.bytes);
  }

  add(records: readonly Decoded[]): void {
    for (const record of records) {
      this.records.push(record);
      this.bytes += record.origin.bytes.length;
    }
    this.change();
  }

  /** Everything that is there, once there is something; empty when the signal is aborted. */
  async take(signal: AbortSignal): Promise<readonly Decoded[]> {
    while (this.records.length === 0 && !signal.aborted) await this.nextChange(signal);
    const { records } = this;
    this.clear();
    return signal.aborted ? [] : records;
  }

  /** Resolves when there is room, or the signal is aborted. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.roomBytes === 0 && !signal.aborted) await this.nextChange(signal);
  }

  clear(): void {
    this.records = [];
    this.bytes = 0;
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
