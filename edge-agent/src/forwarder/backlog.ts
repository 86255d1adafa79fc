/**
 * Which batch goes next beside the live ones: first those to be sent again, then what was never sent, of the highest class the
 * oldest. Reads one batch at a time from the journal, so that a backlog of days needs no memory.
 */
import {
  classRank,
  countOf,
  emptyRanges,
  intersectRanges,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import { type HeldStream, unconfirmedOf } from '../journal/holdings.ts';
import type { Claims } from './claims.ts';
import type { Sent } from './resend.ts';

export type Next = { readonly stream: string; readonly seq: number; readonly times: number };

export class Backlog {
  private readonly streams: () => readonly HeldStream[];
  private readonly claims: Claims;
  private again: Sent[] = [];

  constructor(streams: () => readonly HeldStream[], claims: Claims) {
    this.streams = streams;
    this.claims = claims;
  }

  /** Held and not confirmed. */
  openOf(stream: string): Ranges {
    const known = this.streams().find((held) => held.stream === stream);
    return known === undefined ? emptyRanges : unconfirmedOf(known);
  }

  /** To be sent before anything else of the backlog. */
  sendAgain(sent: readonly Sent[]): void {
    for (const { stream, from, to } of sent) this.claims.add(stream, [[from, to]]);
    this.again.push(...sent);
  }

  /** What was to be sent again is backlog as any other now. */
  reset(): void {
    for (const { stream, from, to } of this.again) this.claims.release(stream, [[from, to]]);
    this.again = [];
  }

  /** Claims it. `mayTakeUp`: one that was never sent. */
  next(mayTakeUp: boolean): Next | null {
    return this.nextAgain() ?? (mayTakeUp ? this.nextUnsent() : null);
  }

  /** Batches that were taken up, in either lane, and are not confirmed. */
  uncommitted(): number {
    return this.streams().reduce(
      (sum, known) => sum + countOf(intersectRanges(this.claims.of(known.stream), unconfirmedOf(known))),
      0,
    );
  }

  private nextAgain(): Next | null {
    for (;;) {
      const job = this.again[0];
      if (job === undefined) return null;
      const { stream, from, to, times } = job;
      const seq = intersectRanges([[from, to]], this.openOf(stream))[0]?.[0];
      if (seq === undefined || seq >= to) this.again.shift();
      else this.again[0] = { ...job, from: seq + 1 };
      if (seq !== undefined) return { stream, seq, times };
    }
  }

  private nextUnsent(): Next | null {
    for (const known of highestFirst(this.streams())) {
      const seq = subtractRanges(unconfirmedOf(known), this.claims.of(known.stream))[0]?.[0];
      if (seq === undefined) continue;
      this.claims.addOne(known.stream, seq);
      return { stream: known.stream, seq, times: 1 };
    }
    return null;
  }
}

const highestFirst = (streams: readonly HeldStream[]): readonly HeldStream[] =>
  streams.toSorted((left, right) => classRank(right.class) - classRank(left.class));
