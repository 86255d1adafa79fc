/** Work that is done one after another, in the order in which it came; what is urgent goes before whatever waits. */
export class Turns {
  /** Without its result: what a link was told last is of no use until it is told the next. */
  private last: Promise<void> = Promise.resolve();
  private readonly urgent: (() => Promise<void>)[] = [];

  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(() => (this.urgent.length === 0 ? work() : this.runUrgent().then(work)));
    this.last = result.then(nothing);
    return result;
  }

  /** May reject; whatever becomes of it, those behind it have their turn. */
  ahead<Result>(work: () => Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.urgent.push(() => work().then(resolve, reject));
    this.last = this.last.then(() => this.runUrgent());
    return promise;
  }

  private async runUrgent(): Promise<void> {
    for (let next = this.urgent.shift(); next !== undefined; next = this.urgent.shift()) await next();
  }
}

const nothing = (): void => {};
