import type { PollRequest } from '../drivers/driver.ts';

/** In a fresh agent every request gets its first turn within this time, whatever its period. */
const firstTurnsWithinMs = 1_000;

/** A request and its place in time. Turns lie on the grid `phaseMs` + n × period; the very first may come before it. */
export type Entry = {
  readonly request: PollRequest;
  readonly phaseMs: number;
  dueMs: number;
};

/**
 * Requests of the same period are spread evenly over it, so that neither the links nor this machine work in gusts: all in one
 * moment, then nothing. Times in ms of the monotonic clock.
 */
export function timetable(requests: readonly PollRequest[], startMs: number): Entry[] {
  const ofPeriod = new Map<number, number>();
  for (const { everyMs } of requests) ofPeriod.set(everyMs, (ofPeriod.get(everyMs) ?? 0) + 1);
  const placed = new Map<number, number>();
  return requests.map((request) => {
    const { everyMs } = request;
    const position = placed.get(everyMs) ?? 0;
    placed.set(everyMs, position + 1);
    const share = position / (ofPeriod.get(everyMs) ?? 1);
    const firstMs = share * Math.min(everyMs, firstTurnsWithinMs);
    return { request, phaseMs: startMs + share * everyMs, dueMs: startMs + firstMs };
  });
}

/**
 * Moves an entry to its next turn: the last on its grid that has come, else the next to come, and at least half a period after
 * the one before. Returns how many turns in between are missed: nobody read then. Those samples were never taken, so they are
 * counted as missed and not declared as lost.
 */
export function advance(entry: Entry, nowMs: number): number {
  const { everyMs } = entry.request;
  const turnAfter = (timeMs: number): number => Math.ceil((timeMs - entry.phaseMs) / everyMs - rounding);
  const next = turnAfter(entry.dueMs + everyMs / 2);
  const latest = Math.floor((nowMs - entry.phaseMs) / everyMs + rounding);
  const turn = Math.max(next, latest);
  entry.dueMs = entry.phaseMs + turn * everyMs;
  return turn - next;
}

/** Turns, not ms: sums of fractions must not fall just beside a turn of the grid. */
const rounding = 1e-6;

/** A binary heap: the entry that is due first stands at 0. */
export class DueQueue {
  private readonly heap: Entry[] = [];

  constructor(entries: readonly Entry[]) {
    this.heap = [...entries].sort((one, other) => one.dueMs - other.dueMs);
  }

  get first(): Entry | undefined {
    return this.heap[0];
  }

  /** To be called when the first entry has got a later turn. */
  sinkFirst(): void {
    const { heap } = this;
    const moved = heap[0];
    if (moved === undefined) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const [child, place] = right !== undefined && right.dueMs < left.dueMs ? [right, 2 * at + 2] : [left, 2 * at + 1];
      if (child.dueMs >= moved.dueMs) break;
      heap[at] = child;
      at = place;
    }
    heap[at] = moved;
  }
}
