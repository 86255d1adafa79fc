import { hasNumber, type Ranges } from '@fieldline/shared/contracts';
import type { BatchId } from '../journal/batches.ts';

type Timed = { readonly sentAtMs: number; readonly batches: number };

/** What was taken up and not committed yet: how much of it there is bounds what else is taken up, and how long it takes sets the pace. */
export class Uncommitted {
  /** As of the last acknowledgement, and what was sent since. */
  batches = 0;
  /** A batch of the backlog whose commit is timed. */
  private timed: (BatchId & { readonly sentAtMs: number }) | null = null;

  /** For the first time. */
  sent({ stream, seq }: BatchId, isLive: boolean, sentAtMs: number): void {
    this.batches += 1;
    if (!isLive) this.timed ??= { stream, seq, sentAtMs };
  }

  /** `batches`: what is left now. Gives since when so many were committed; null where none is timed. */
  acknowledged(
    batches: number,
    confirmed: readonly { readonly stream: string; readonly ranges: Ranges }[],
  ): Timed | null {
    const before = this.batches;
    this.batches = batches;
    const { timed } = this;
    if (timed === null) return null;
    if (!confirmed.some(({ stream, ranges }) => stream === timed.stream && hasNumber(ranges, timed.seq))) return null;
    this.timed = null;
    return { sentAtMs: timed.sentAtMs, batches: Math.max(1, before - batches) };
  }

  /** The session that it was sent in has ended. */
  stopTiming(): void {
    this.timed = null;
  }
}
