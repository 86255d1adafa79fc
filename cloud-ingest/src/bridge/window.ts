import { createBell } from '../backbone/bell.ts';

export type WindowBounds = { readonly messages: number; readonly bytes: number };

/**
 * Messages taken from the broker and not yet durable behind us, in the order in which they came. It is full at its bounds;
 * the message that fills it is still in it.
 */
export class Window<Item extends { readonly bytes: number }> {
  private readonly waiting: Item[] = [];
  private messages = 0;
  private bytes = 0;
  private readonly bounds: WindowBounds;
  private readonly shares: number;
  private readonly arrivals = createBell();
  private readonly room = createBell();

  /** `shares`: at most the window divided by it is taken at once. */
  constructor(bounds: WindowBounds, shares: number) {
    this.bounds = bounds;
    this.shares = shares;
  }

  get size(): number {
    return this.messages;
  }

  get full(): boolean {
    return this.messages >= this.bounds.messages || this.bytes >= this.bounds.bytes;
  }

  put(item: Item): void {
    this.waiting.push(item);
    this.messages += 1;
    this.bytes += item.bytes;
    if (this.waiting.length === 1) this.arrivals.ring();
  }

  /** What waits, at least one and at most a share of the window; empty when the signal is aborted. It counts until it is released. */
  async take(signal: AbortSignal): Promise<readonly Item[]> {
    while (this.waiting.length === 0 && !signal.aborted) await this.arrivals.next(signal);
    let bytes = 0;
    let count = 0;
    for (const item of this.waiting) {
      bytes += item.bytes;
      if (count > 0 && (count >= this.bounds.messages / this.shares || bytes > this.bounds.bytes / this.shares)) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  release(items: readonly Item[]): void {
    this.messages -= items.length;
    for (const { bytes } of items) this.bytes -= bytes;
    this.room.ring();
  }

  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.full && !signal.aborted) await this.room.next(signal);
  }

  /** Resolves when everything was released. */
  async untilEmpty(signal: AbortSignal): Promise<void> {
    while (this.messages > 0 && !signal.aborted) await this.room.next(signal);
  }
}
