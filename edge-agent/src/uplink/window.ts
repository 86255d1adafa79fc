/** At most `size` publishes are unanswered at a time: the receive maximum of the broker. The rest waits in order. */
export class Window {
  private readonly size: number;
  private limit: number;
  private busy = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting: (() => void)[] = [];

  constructor(size: number) {
    this.size = size;
    this.limit = size;
  }

  get isClosed(): boolean {
    return this.timer !== undefined;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      this.admit();
    });
    try {
      return await work();
    } finally {
      this.busy -= 1;
      this.admit();
    }
  }

  /** Lets nothing through for a while, and then one at a time. */
  closeFor(pauseMs: number): void {
    clearTimeout(this.timer);
    this.limit = 1;
    this.timer = setTimeout(() => this.open(1), pauseMs);
  }

  /** One more at a time. */
  widen(): void {
    this.limit = Math.min(this.size, this.limit + 1);
    this.admit();
  }

  /** As many at a time as at the beginning. */
  restore(): void {
    this.open(this.size);
  }

  /** For the end of the session: those who wait learn of it when they try. */
  release(): void {
    this.open(Number.POSITIVE_INFINITY);
  }

  private open(limit: number): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.limit = limit;
    this.admit();
  }

  private admit(): void {
    while (!this.isClosed && this.busy < this.limit) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.busy += 1;
      next();
    }
  }
}
