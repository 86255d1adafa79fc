/**
 * The verdict over a site: what its devices served, held against the rows and against what its agent declared. No value is
 * served twice (plant.ts), so that a value finds its row by itself, whatever time the agent's clock gave it.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Served } from '@fieldline/simulators';
import { type Row, readRows } from '../../test/line/evidence.ts';
import { type Declared, isDeclared, isDeclaredForOtherTime, readDeclared } from './declared.ts';
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
/** A sample has the middle of its round trip, which takes at most the device's `timeoutMs`; the machine may be busy. */
const halfRoundTripMs = 1_200;
const mostShown = 3;

const nameOf = (device: string, point: string, value: unknown): string => `${device}/${point} = ${String(value)}`;

export async function judgeSite(line: Pick<Line, 'databaseUrl' | 'query'>, site: Case): Promise<Verdict> {
  const rows = (await readRows(line.databaseUrl, site.gateway)).filter(({ value }) => value !== null);
  const declared = await readDeclared(line, site.gateway);
  const rowsByName = Map.groupBy(rows, ({ device, tag, value }) => nameOf(device, tag, value));
  const servedByName = Map.groupBy(site.served, ({ device, point, value }) => nameOf(device, point, value));
  const pairs = [...servedByName].flatMap(([name, times]) =>
    times.map((one, index) => ({ name, one, row: rowsByName.get(name)?.[index] })),
  );
  const fates = Map.groupBy(
    pairs.filter(({ row }) => row === undefined),
    fateIn(site, rows, declared),
  );
  const count = (fate: Fate): number => fates.get(fate)?.length ?? 0;
  const stored = pairs.flatMap(({ name, one, row }) => (row === undefined ? [] : [{ name, one, row }]));
  const lost = fates.get('lost') ?? [];
  // Those of a batch that was dropped have no times: only how many there are is known.
  const dropped = Math.min(lost.length, declared.samplesOfBatches);
  return {
    served: site.served.length,
    rows: rows.length,
    declared: count('declared') + dropped,
    clockSet: count('declared for another time'),
    atEnds: count('at an end'),
    shifted: stored.filter(({ one, row }) => Math.abs(row.time - one.time) > halfRoundTripMs * 1_000).length,
    findings: [
      ...(rows.length === 0 ? ['nothing is stored'] : []),
      ...tell(
        lost.slice(dropped).map(({ name, one }) => `${name} at ${inWords(one.time)}`),
        'values that were served are in no row and not declared',
      ),
      ...tell(doubledIn(rowsByName, servedByName), 'values are in more than one row'),
      ...tell(
        [...rowsByName.keys()].filter((name) => !servedByName.has(name)),
        'rows hold what nobody served',
      ),
      ...tell(
        stored
          .filter(({ one, row }) => !hasTimeOf(row, one, site))
          .map(
            ({ name, one, row }) => `${name} of ${inWords(one.time)} at ${inWords(row.time)}, ${offsetsIn(one, site)}`,
          ),
        'rows have a time that is not that of their value',
      ),
    ].map((finding) => `${site.gateway}: ${finding}`),
  };
}

type Fate = 'declared' | 'at an end' | 'declared for another time' | 'lost';

/** What became of a value that is in no row. */
function fateIn(site: Case, rows: readonly Row[], declared: Declared): (value: { one: Served }) => Fate {
  const isAtEnd = withEnds(site.ends, rows);
  return ({ one }) => {
    if (isDeclared(one, declared, site)) return 'declared';
    if (isAtEnd(one)) return 'at an end';
    return isDeclaredForOtherTime(one, declared, site) ? 'declared for another time' : 'lost';
  };
}

/** A device that is asked twice within a millisecond serves one value twice, and then there are two rows of it. */
function doubledIn(rows: ReadonlyMap<string, unknown[]>, served: ReadonlyMap<string, unknown[]>): string[] {
  return [...served].flatMap(([name, times]) => {
    const found = rows.get(name)?.length ?? 0;
    return found > times.length ? [`${name} ${found} times`] : [];
  });
}

const inWords = (time: Micros): string => new Date(time / 1_000).toISOString();

const tell = (cases: readonly string[], what: string): string[] =>
  cases.length === 0 ? [] : [`${cases.length} ${what}: ${cases.slice(0, mostShown).join('; ')}`];

function hasTimeOf(row: Row, { device, time }: Served, { clock, starts }: Case): boolean {
  // An OPC UA sample keeps the source time of its server, whose clock nobody sets.
  if (device === opcuaDevice) return row.time === time;
  const timeMs = time / 1_000;
  const offsets = clock.offsetsWithin(timeMs, timeMs + 2 * halfRoundTripMs);
  if (offsets.some((offsetMs) => Math.abs(row.time - time - offsetMs * 1_000) <= halfRoundTripMs * 1_000)) return true;
  // While an agent loads the OPC UA library it does not see that its devices have answered: a round trip looks as long as that.
  const stampedMs = clock.timesOf(row.time / 1_000);
  return starts.some(
    ({ begunMs, upMs }) =>
      timeMs >= begunMs && timeMs <= upMs && stampedMs.some((atMs) => atMs >= timeMs && atMs <= upMs),
  );
}

function offsetsIn({ time }: Served, { clock }: Case): string {
  const aroundMs = 10_000;
  return `offsets ${clock.offsetsWithin(time / 1_000 - aroundMs, time / 1_000 + aroundMs).join(', ')} ms`;
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
