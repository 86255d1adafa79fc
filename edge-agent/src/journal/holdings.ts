import {
  addRange,
  countOf,
  emptyRanges,
  intersectRanges,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';

/** What is known of one stream, in memory: the forwarder and the state message ask this, never the disk. */
export type HeldStream = {
  readonly stream: string;
  /** Numbers given so far. */
  readonly last: number;
  /** Batches that can be sent again. */
  readonly held: Ranges;
  /** Batches that need not be sent again, held or not. */
  readonly confirmed: Ranges;
};

/** Streams in the order of their opening. A stream of which nothing is held any more is forgotten, except those that are still written. */
export class Holdings {
  private readonly byStream = new Map<string, HeldStream>();

  streams(): readonly HeldStream[] {
    return [...this.byStream.values()];
  }

  get(stream: string): HeldStream | undefined {
    return this.byStream.get(stream);
  }

  add(stream: string, from: number, to: number): void {
    const { last, held, confirmed } = this.byStream.get(stream) ?? {
      last: 0,
      held: emptyRanges,
      confirmed: emptyRanges,
    };
    this.byStream.set(stream, { stream, last: Math.max(last, to), held: addRange(held, from, to), confirmed });
  }

  /** A stream of which it is not known yet what can be sent. */
  expect(stream: string): void {
    if (this.byStream.has(stream)) return;
    this.byStream.set(stream, { stream, last: 0, held: emptyRanges, confirmed: emptyRanges });
  }

  /** Confirmed, or declared as lost: it need not be asked for again, whether it is held or not. */
  settle(stream: string, ranges: Ranges): void {
    this.change(stream, (known) => ({ ...known, confirmed: unionRanges(known.confirmed, ranges) }));
  }

  remove(stream: string, ranges: Ranges): void {
    this.change(stream, (known) => ({ ...known, held: subtractRanges(known.held, ranges) }));
  }

  /** Gives the ranges that are held and were not confirmed before. */
  confirm(stream: string, ranges: Ranges): Ranges {
    const known = this.byStream.get(stream);
    if (known === undefined) return emptyRanges;
    const within = intersectRanges(ranges, [[1, known.last]]);
    const fresh = subtractRanges(intersectRanges(within, known.held), known.confirmed);
    this.byStream.set(stream, { ...known, confirmed: unionRanges(known.confirmed, within) });
    return fresh;
  }

  /** Gives the ranges that are held and were confirmed until now. */
  doubt(stream: string, ranges: Ranges): Ranges {
    const known = this.byStream.get(stream);
    if (known === undefined) return emptyRanges;
    const doubted = intersectRanges(known.confirmed, ranges);
    this.byStream.set(stream, { ...known, confirmed: subtractRanges(known.confirmed, doubted) });
    return intersectRanges(doubted, known.held);
  }

  forgetEmpty(except: readonly string[]): void {
    for (const { stream, held } of this.byStream.values()) {
      if (held.length === 0 && !except.includes(stream)) this.byStream.delete(stream);
    }
  }

  unconfirmedBatches(): number {
    return this.streams().reduce((sum, stream) => sum + countOf(unconfirmedOf(stream)), 0);
  }

  private change(stream: string, next: (known: HeldStream) => HeldStream): void {
    const known = this.byStream.get(stream);
    if (known !== undefined) this.byStream.set(stream, next(known));
  }
}

export const unconfirmedOf = ({ held, confirmed }: HeldStream): Ranges => subtractRanges(held, confirmed);
