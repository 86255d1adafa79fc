/**
 * Which broker is next. Each round begins with the first of the settings: it is the one that is meant to be used. A broker
 * whose session lasted is no reason to go on to the next one, so a restart of the first is waited for at the first.
 */
export class Brokers {
  readonly all: readonly string[];
  private index = 0;

  constructor(broker: string | readonly string[]) {
    this.all = typeof broker === 'string' ? [broker] : broker;
  }

  get current(): string {
    return this.all[this.index] ?? '';
  }

  /** Those that are preferred to this one. */
  before(broker: string): readonly string[] {
    return this.all.slice(0, Math.max(0, this.all.indexOf(broker)));
  }

  /** The broker failed. True if it was the last of the round. */
  moveOn(): boolean {
    this.index = (this.index + 1) % this.all.length;
    return this.index === 0;
  }

  use(broker: string): void {
    this.index = Math.max(0, this.all.indexOf(broker));
  }

  restart(): void {
    this.index = 0;
  }
}
