/**
 * The verdict over a site: what its devices served, held against the rows and against what its agent declared. No value is
 * served twice (plant.ts), so that a value finds its row by itself, whatever time the agent's clock gave it.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Served } from '@fieldline/simulators';
import { type Row, readRows } from '../../test/line/evidence.ts';
import { isDeclared, isDeclaredForOtherTime, readDeclared } from './declared.ts';
import type { Line } from './line.ts';
import { everyMs, opcuaDevice } from './plant.ts';
import type { End, Site, Start } from './site.ts';

export type Case = Pick<Site, 'gateway' | 'served' | 'clock'> & {
  /** Of every agent that read these devices, in the order of time. */
  readonly ends: readonly End[];
  readonly starts: readonly Start[];
};

export type Verdict = {
  readonly served: number;
  readonly rows: number;
  /** Not stored, and declared. */
  readonly declared: number;
  /** Not stored, and lost with an agent that was killed after its clock was set: declared for another time. */
  readonly clockSet: number;
  /** Not stored, and served so shortly before the agent was ended that nobody could have kept it. */
  readonly atEnds: number;
  /** Rows that were stamped by a clock that somebody had set. */
  readonly shifted: number;
  readonly findings: readonly string[];
};

/** What was read this long before a kill is on the disk, or declared. */
const beforeKillMs = 1_000;
/** An orderly stop gives up the reading that is under way. */
const beforeStopMs = 300;
/** A request that was under way when the agent ended is answered to nobody. */
const afterEndMs = 500;
/** A sample has the middle of its round trip, which takes at most the device's `timeoutMs`. */
const halfRoundTripMs = 1_200;
const mostShown = 3;

const nameOf = (device: string, point: string, value: unknown): string => `${device}/${point} = ${String(value)}`;

export async function judgeSite(line: Pick<Line, 'databaseUrl' | 'query'>, site: Case): Promise<Verdict> {
  const rows = (await readRows(line.databaseUrl, site.gateway)).filter(({ value }) => value !== null);
  const byName = Map.groupBy(rows, ({ device, tag, value }) => nameOf(device, tag, value));
  const declared = await readDeclared(line, site.gateway);
  const isAtEnd = withEnds(site.ends, rows);
  const missing: Served[] = [];
  const doubled: string[] = [];
  const wrongTimes: string[] = [];
  const names = new Set<string>();
  let [excused, told, clockSet, shifted] = [0, 0, 0, 0];
  for (const one of site.served) {
    const name = nameOf(one.device, one.point, one.value);
    names.add(name);
    const found = byName.get(name) ?? [];
    if (found.length > 1) doubled.push(`${name} ${found.length} times`);
    for (const row of found) {
      if (!hasTimeOf(row, one, site)) wrongTimes.push(`${name}, served at ${one.time}, at ${row.time}`);
      if (Math.abs(row.time - one.time) > halfRoundTripMs * 1_000) shifted += 1;
    }
    if (found.length > 0) continue;
    if (isDeclared(one, declared, site)) told += 1;
    else if (isAtEnd(one)) excused += 1;
    else if (isDeclaredForOtherTime(one, declared, site)) clockSet += 1;
    else missing.push(one);
  }
  const surplus = [...byName.keys()].filter((name) => !names.has(name));
  const lost = missing.map(
    (one) => `${nameOf(one.device, one.point, one.value)} at ${new Date(one.time / 1_000).toISOString()}`,
  );
  const { samplesOfBatches } = declared;
  return {
    served: site.served.length,
    rows: rows.length,
    declared: told + Math.min(lost.length, samplesOfBatches),
    clockSet,
    atEnds: excused,
    shifted,
    findings: [
      ...(rows.length === 0 ? ['nothing is stored'] : []),
      ...(lost.length > samplesOfBatches ? tell(lost, 'values that were served are in no row and not declared') : []),
      ...tell(doubled, 'values are in more than one row'),
      ...tell(surplus, 'rows hold what nobody served'),
      ...tell(wrongTimes, 'rows have a time that is not that of their value'),
    ].map((finding) => `${site.gateway}: ${finding}`),
  };
}

const tell = (cases: readonly string[], what: string): string[] =>
  cases.length === 0 ? [] : [`${cases.length} ${what}: ${cases.slice(0, mostShown).join('; ')}`];

function hasTimeOf(row: Row, { device, time }: Served, { clock }: Case): boolean {
  // An OPC UA sample keeps the source time of its server, whose clock nobody sets.
  if (device === opcuaDevice) return row.time === time;
  const timeMs = time / 1_000;
  const offsets = clock.offsetsWithin(timeMs - halfRoundTripMs, timeMs + halfRoundTripMs);
  return offsets.some((offsetMs) => Math.abs(row.time - time - offsetMs * 1_000) <= halfRoundTripMs * 1_000);
}

/** Whether a value may be lost because the agent was ended, or before it ran. */
function withEnds(ends: readonly End[], rows: readonly Row[]): (one: Served) => boolean {
  const told = rows.filter(({ device }) => device === opcuaDevice).map(({ time }) => time);
  const firstAfter = (time: Micros): Micros => told.find((at) => at > time) ?? Number.POSITIVE_INFINITY;
  const spans = ends.map(({ atMs, how }) => ({
    from: (atMs - (how === 'killed' ? beforeKillMs : beforeStopMs)) * 1_000,
    to: (atMs + afterEndMs) * 1_000,
    // An OPC UA server sets its values whether or not somebody listens.
    toOpcua: firstAfter(atMs * 1_000) + everyMs * 1_000,
  }));
  const firstOpcua = told[0] ?? Number.POSITIVE_INFINITY;
  return ({ device, time }) => {
    const isOpcua = device === opcuaDevice;
    if (isOpcua && time < firstOpcua) return true;
    return spans.some(({ from, to, toOpcua }) => time > from && time < (isOpcua ? toOpcua : to));
  };
}
