/**
 * Which request of a link is next. Of those whose turn has come:
 *
 * - The higher class goes first; within a class the one whose next turn comes first (earliest deadline first). So where a link cannot
 *   hold all periods, the higher classes keep theirs and the lower ones stretch.
 * - No class is passed over for ever: while it waits, `shareOfEach` of the time of its link is its own, less what it had before
 *   beyond that, which counts up to `mostHadMs`.
 *
 * A read that runs is never ended for another one.
 */
import { classRank, tagClasses } from '@fieldline/shared/contracts';
import { Heap } from './heap.ts';
import { type Entry, wantedMs } from './timetable.ts';

const shareOfEach = 0.05;
const mostHadMs = 1_000;

/** Of one class on one link. */
type Waiting = { readonly entries: Heap<Entry>; owedMs: number };

export class Agenda {
  private readonly later = new Heap<Entry>(wantedMs);
  /** By rank of the class; undefined where the link has none of it. */
  private readonly classes: (Waiting | undefined)[] = tagClasses.map(() => undefined);

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) this.add(entry);
  }

  get isEmpty(): boolean {
    return this.later.size === 0 && this.classes.every((waiting) => (waiting?.entries.size ?? 0) === 0);
  }

  /** In no order; without the one that was taken. */
  get entries(): Entry[] {
    return [...this.later.all, ...this.classes.flatMap((waiting) => waiting?.entries.all ?? [])];
  }

  /** When the next is to be read, where none is. */
  get nextDueMs(): number {
    const { first } = this.later;
    return first === undefined ? Number.POSITIVE_INFINITY : wantedMs(first);
  }

  add(entry: Entry): void {
    this.later.add(entry);
  }

  /** The request whose turn it is; it is out of here until it is added again. */
  take(nowMs: number): Entry | undefined {
    while (this.nextDueMs <= nowMs) this.nowDue(this.later.takeFirst());
    let chosen: Waiting | undefined;
    for (const waiting of this.classes) {
      if (waiting === undefined || waiting.entries.size === 0) continue;
      if (waiting.owedMs > 0) return waiting.entries.takeFirst();
      chosen = waiting;
    }
    return chosen?.entries.takeFirst();
  }

  /** What a read took the link, which those that wait could not have meanwhile. */
  took(entry: Entry, tookMs: number): void {
    const rank = classRank(entry.request.class);
    for (let index = 0; index < this.classes.length; index++) {
      const waiting = this.classes[index];
      if (waiting === undefined) continue;
      const isIts = index === rank;
      if (!isIts && waiting.entries.size === 0) continue;
      const owedMs = waiting.owedMs + tookMs * shareOfEach - (isIts ? tookMs : 0);
      waiting.owedMs = Math.max(owedMs, -mostHadMs);
    }
  }

  private nowDue(entry: Entry | undefined): void {
    if (entry === undefined) return;
    const rank = classRank(entry.request.class);
    const waiting = this.classes[rank] ?? { entries: new Heap<Entry>(deadlineOf), owedMs: -mostHadMs };
    this.classes[rank] = waiting;
    waiting.entries.add(entry);
  }
}

const deadlineOf = ({ dueMs, request }: Entry): number => dueMs + request.everyMs;
