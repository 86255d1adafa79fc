import { createBell } from '../backbone/bell.ts';

export type WindowBounds = { readonly messages: number; readonly bytes: number };

/**
 * Messages taken from the broker and not yet durable behind us, in the order in which they came. It is full at its bounds;
 * the message that fills it is still in it. What waits goes at once while nothing is under way, and beside others only as a
 * whole share: a send of ten messages costs the bridge and Kafka about as much as one of a thousand.
 */
export class Window<Item extends { readonly bytes: number }> {
  private readonly waiting: Item[] = [];
  private waitingBytes = 0;
  private messages = 0;
  private bytes = 0;
  private readonly bounds: WindowBounds;
  private readonly share: WindowBounds;
  private readonly changes = createBell();

  /** `shares`: so many fill it. */
  constructor(bounds: WindowBounds, shares: number) {
    this.bounds = bounds;
    this.share = { messages: bounds.messages / shares, bytes: bounds.bytes / shares };
  }

  get size(): number {
    return this.messages;
  }

  get full(): boolean {
    return this.messages >= this.bounds.messages || this.bytes >= this.bounds.bytes;
  }

  put(item: Item): void {
    this.waiting.push(item);
    this.waitingBytes += item.bytes;
    this.messages += 1;
    this.bytes += item.bytes;
    if (this.goes) this.changes.ring();
  }

  /** At least one and at most a share, or a message that is larger; empty when the signal is aborted. It counts until it is released. */
  async take(signal: AbortSignal): Promise<readonly Item[]> {
    while (!this.goes && !signal.aborted) await this.changes.next(signal);
    let [count, bytes] = [0, 0];
    for (const item of this.waiting) {
      if (count > 0 && (count >= this.share.messages || bytes + item.bytes > this.share.bytes)) break;
      bytes += item.bytes;
      count += 1;
    }
    this.waitingBytes -= bytes;
    return this.waiting.splice(0, count);
  }

  release(items: readonly Item[]): void {
    this.messages -= items.length;
    for (const { bytes } of items) this.bytes -= bytes;
    this.changes.ring();
  }

  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.full && !signal.aborted) await this.changes.next(signal);
  }

  /** Resolves when everything was released. */
  async untilEmpty(signal: AbortSignal): Promise<void> {
    while (this.messages > 0 && !signal.aborted) await this.changes.next(signal);
  }

  private get goes(): boolean {
    const count = this.waiting.length;
    if (count === 0) return false;
    return count === this.messages || count >= this.share.messages || this.waitingBytes >= this.share.bytes;
  }
}
