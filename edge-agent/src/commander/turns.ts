/** Commands that wait or are carried out: those of one device one after another, in the order in which they came. */
export class Turns {
  private readonly onChange: (size: number) => void;
  /** By id. */
  private readonly running = new Map<string, Promise<void>>();
  /** By device: the last of them. */
  private readonly last = new Map<string, Promise<void>>();

  constructor(onChange: (size: number) => void) {
    this.onChange = onChange;
  }

  get size(): number {
    return this.running.size;
  }

  has(id: string): boolean {
    return this.running.has(id);
  }

  /** `work` never rejects. */
  take(id: string, device: string, work: () => Promise<void>): void {
    const done = (this.last.get(device) ?? Promise.resolve()).then(work).then(() => {
      this.running.delete(id);
      if (this.last.get(device) === done) this.last.delete(device);
      this.onChange(this.size);
    });
    this.running.set(id, done);
    this.last.set(device, done);
    this.onChange(this.size);
  }

  async ended(): Promise<void> {
    await Promise.all(this.running.values());
  }
}
