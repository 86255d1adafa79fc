import type { PollRequest } from '../drivers/driver.ts';

/** In a fresh agent every request gets its first turn within this time, whatever its period. */
const firstTurnsWithinMs = 1_000;
/** Turns lie in slots this far apart, the same for all: a machine that is woken for each request alone works nearly twice as much. */
export const slotMs = 50;

/** A request and its place in time. Turns lie on the grid `phaseMs` + n × period; the very first may come before it. */
export type Entry = {
  readonly request: PollRequest;
  readonly phaseMs: number;
  dueMs: number;
  /** Before its turn, because the last read found nobody; null: at its turn. */
  againMs: number | null;
  /** Until it was read once: the connection may have to be opened first. */
  isNew: boolean;
};

/** When it is to be read. */
export const wantedMs = ({ againMs, dueMs }: Entry): number => againMs ?? dueMs;

/**
 * Requests of the same period are spread evenly over the slots of it, so that neither the links nor this machine work in gusts: all
 * in one moment, then nothing. Times in ms of the monotonic clock.
 */
export function timetable(
  requests: readonly PollRequest[],
  startMs: number,
  firstWithinMs = firstTurnsWithinMs,
): Entry[] {
  const ofPeriod = new Map<number, number>();
  for (const { everyMs } of requests) ofPeriod.set(everyMs, (ofPeriod.get(everyMs) ?? 0) + 1);
  const placed = new Map<number, number>();
  return requests.map((request) => {
    const { everyMs } = request;
    const position = placed.get(everyMs) ?? 0;
    placed.set(everyMs, position + 1);
    const share = position / (ofPeriod.get(everyMs) ?? 1);
    const firstMs = slotOf(startMs + share * Math.min(everyMs, firstWithinMs));
    const phaseMs = slotOf(startMs + share * everyMs);
    return { request, phaseMs, dueMs: Math.max(startMs, firstMs), againMs: null, isNew: true };
  });
}

const slotOf = (ms: number): number => Math.floor(ms / slotMs) * slotMs;

/**
 * Moves an entry that was read to its next turn. A read serves the last turn that had come when it was begun, so that one which is a
 * whole period late is not followed by another at once. The next is the last turn on the grid that has come since, else the first
 * to come, and at least half a period after the turn that was due. Returns how many turns are missed: nobody read in them, though the
 * request had been read before. Those samples were never taken, so they are counted as missed and not declared as lost.
 */
export function advance(entry: Entry, begunMs: number, endedMs: number): number {
  const { request, phaseMs, dueMs, isNew } = entry;
  const { everyMs } = request;
  const turnAt = (timeMs: number): number => Math.floor((timeMs - phaseMs) / everyMs + rounding);
  const afterDue = Math.ceil((dueMs + everyMs / 2 - phaseMs) / everyMs - rounding);
  const turn = Math.max(afterDue, turnAt(begunMs) + 1, turnAt(endedMs));
  entry.dueMs = phaseMs + turn * everyMs;
  entry.isNew = false;
  return isNew ? 0 : turn - afterDue;
}

/** Turns, not ms: sums of fractions must not fall just beside a turn of the grid. */
const rounding = 1e-6;
