/** So many wait for one flush at most: then nobody waits for its time. */
const mostWaiting = 1_000;

/** Calls to make once the journal has what was given before them. Bounded by its owner, who flushes when it is full. */
export class KeptCalls {
  private waiting: (() => void)[] = [];

  add(call: () => void): void {
    this.waiting.push(call);
  }

  get isFull(): boolean {
    return this.waiting.length >= mostWaiting;
  }

  /** Right before a flush: what it returns is called when that is done, and makes the calls in their order. */
  handOver(): () => void {
    const calls = this.waiting;
    this.waiting = [];
    return () => {
      for (const call of calls) call();
    };
  }
}
