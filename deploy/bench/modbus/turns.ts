/**
 * What the devices' own log of requests says of the agent: turns of its grid that nobody read in, requests beyond those that were
 * needed, and how far each lay from its grid. The grid of a device is the one that half of its requests come before, so what
 * agent, kernel and simulator add to each of them alike is not in it, and what changes is.
 */
import { quantile } from '../statistics.ts';
import type { FleetRequest } from './fleet.ts';

export type Turns = {
  /** Of all devices, in the time of the log. */
  readonly due: number;
  readonly missed: number;
  readonly requests: number;
  /** Of each request that was the first of its turn. */
  readonly besideMs: readonly number[];
};

export function turnsOf(log: readonly FleetRequest[], everyMs: number): Turns {
  const everyMicros = everyMs * 1_000;
  const timesOf = Map.groupBy(log, ([device]) => device);
  const begin = Math.min(...[...timesOf.values()].map(([first]) => first?.[1] ?? 0));
  const end = Math.max(...[...timesOf.values()].map((requests) => requests.at(-1)?.[1] ?? 0));
  let due = 0;
  let read = 0;
  const besideMs: number[] = [];
  for (const requests of timesOf.values()) {
    const times = requests.map(([, time]) => time);
    const grid = gridOf(times, everyMicros);
    const turns = Map.groupBy(times, (time) => Math.round((time - grid) / everyMicros));
    for (const [turn, [first]] of turns) {
      if (first !== undefined) besideMs.push(Math.abs(first - grid - turn * everyMicros) / 1_000);
    }
    // The log begins and ends somewhere between two turns of most devices.
    due += Math.floor((end - grid) / everyMicros + 0.5) - Math.ceil((begin - grid) / everyMicros - 0.5) + 1;
    read += turns.size;
  }
  return { due, missed: Math.max(0, due - read), requests: log.length, besideMs };
}

/** The time of some turn. */
function gridOf(times: readonly number[], everyMicros: number): number {
  const first = times[0] ?? 0;
  const beside = times.map((time) => time - first - Math.round((time - first) / everyMicros) * everyMicros);
  return first + quantile(beside, 0.5);
}
