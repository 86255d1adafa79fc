import {
  addRange,
  countOf,
  emptyRanges,
  intersectRanges,
  type Ranges,
  subtractRanges,
  type TagClass,
  unionRanges,
} from '@fieldline/shared/contracts';

/** What is known of one stream, in memory: the forwarder and the state message ask this, never the disk. */
export type HeldStream = {
  readonly stream: string;
  readonly class: TagClass;
  /** Numbers given so far. */
  readonly last: number;
  /** Batches that can be sent again. */
  readonly held: Ranges;
  /** Batches that need not be sent again, held or not. */
  readonly confirmed: Ranges;
};

type StreamOfClass = Pick<HeldStream, 'stream' | 'class'>;

/** Streams in the order of their opening. A stream of which nothing is held any more is forgotten, except those that are still written. */
export class Holdings {
  private readonly byStream = new Map<string, HeldStream>();

  streams(): readonly HeldStream[] {
    return [...this.byStream.values()];
  }

  get(stream: string): HeldStream | undefined {
    return this.byStream.get(stream);
  }

  add(of: StreamOfClass, from: number, to: number): void {
    const known = this.expect(of);
    this.byStream.set(of.stream, { ...known, last: Math.max(known.last, to), held: addRange(known.held, from, to) });
  }

  /** A stream of which it is not known yet what can be sent. */
  expect({ stream, class: tagClass }: StreamOfClass): HeldStream {
    const known = this.byStream.get(stream);
    if (known !== undefined) return known;
    const unknown = { stream, class: tagClass, last: 0, held: emptyRanges, confirmed: emptyRanges };
    this.byStream.set(stream, unknown);
    return unknown;
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
