/**
 * What the devices' own log of requests says of the agent: turns of its grid that nobody read in, requests beyond those that were
 * needed, and how far each lay from its grid. The grid of a device is the one that half of its requests come before, so what
 * agent, kernel and simulator add to each of them alike is not in it, and what changes is.
 *
 * An agent never asks before its turn, and may be late: so a request belongs to the turn that came before it, or comes within a quarter
 * of a period, by which half of the requests may have been late.
 */
import type { FleetRequest } from './fleet.ts';

export type Turns = {
  /** Of all devices, that lie whole in the log. */
  readonly due: number;
  readonly missed: number;
  /** In those turns. */
  readonly requests: number;
  /** Of each request that was the first of its turn. */
  readonly besideMs: readonly number[];
};

const earlyShare = 0.25;

export function turnsOf(log: readonly FleetRequest[], everyMs: number): Turns {
  const everyMicros = everyMs * 1_000;
  const timesOf = Map.groupBy(log, ([device]) => device);
  const begin = Math.min(...[...timesOf.values()].map(([first]) => first?.[1] ?? 0));
  const end = Math.max(...[...timesOf.values()].map((requests) => requests.at(-1)?.[1] ?? 0));
  let due = 0;
  let read = 0;
  let asked = 0;
  const besideMs: number[] = [];
  for (const requests of timesOf.values()) {
    const times = requests.map(([, time]) => time);
    const grid = gridOf(times, everyMicros);
    const turnAt = (time: number): number => Math.floor((time - grid) / everyMicros + earlyShare);
    // Those that lie whole in the log, so that none of their requests is outside of it.
    const from = Math.ceil((begin - grid) / everyMicros + earlyShare);
    const to = turnAt(end) - 1;
    due += Math.max(0, to - from + 1);
    for (const [turn, ofTurn] of Map.groupBy(times, turnAt)) {
      if (turn < from || turn > to) continue;
      read += 1;
      asked += ofTurn.length;
      besideMs.push(Math.abs((ofTurn[0] ?? 0) - grid - turn * everyMicros) / 1_000);
    }
  }
  return { due, missed: due - read, requests: asked, besideMs };
}

/**
 * The time of some turn: of all requests the one that lies the least beside the grids of the others, which is their median on a
 * circle. A median from where the first one lies would fall apart where that one is half a period late.
 */
function gridOf(times: readonly number[], everyMicros: number): number {
  let grid = times[0] ?? 0;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of times) {
    let sum = 0;
    for (const time of times)
      sum += Math.abs(time - candidate - Math.round((time - candidate) / everyMicros) * everyMicros);
    if (sum >= least) continue;
    least = sum;
    grid = candidate;
  }
  return grid;
}
