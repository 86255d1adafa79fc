/** What an agent declared as lost, as the ledger has it, and whether a value is among it. */
import type { Served } from '@fieldline/simulators';
import type { Line } from './line.ts';
import type { End, Site } from './site.ts';

type Agent = { readonly clock: Site['clock']; readonly ends: readonly End[] };

type Span = {
  readonly device: string | null;
  readonly tag: string | null;
  /** µs of the agent's clock. */
  readonly from: number;
  readonly to: number;
};

export type Declared = {
  readonly spans: readonly Span[];
  /** Samples of the batches that were declared by their numbers and that did not come all the same. */
  readonly samplesOfBatches: number;
};

/** A sample was read up to half a round trip before or after the instant that it has. */
const toleranceMs = 500;
/** The end of an agent that lost what it had read is not further away. */
const endWithinMs = 60_000;

export async function readDeclared({ query }: Pick<Line, 'query'>, gateway: string): Promise<Declared> {
  const spans = await query<Span>(
    `SELECT device, tag, (extract(epoch FROM from_time) * 1000000)::float8 AS from,
       (extract(epoch FROM to_time) * 1000000)::float8 AS to
     FROM declaration JOIN stream USING (stream_no) WHERE gateway = $1 AND kind = 'series'`,
    [gateway],
  );
  const [batches] = await query<{ samples: number }>(
    `SELECT coalesce(sum(declaration.samples), 0)::float8 AS samples
     FROM declaration JOIN stream target ON target.stream = target_stream
     WHERE gateway = $1 AND kind = 'batches' AND NOT committed @> int8range(from_seq, to_seq, '[]')`,
    [gateway],
  );
  return { spans, samplesOfBatches: batches?.samples ?? 0 };
}

export function isDeclared(one: Served, { spans }: Declared, agent: Agent): boolean {
  const { device, point, time } = one;
  const timeMs = time / 1_000;
  const offsets = agent.clock.offsetsWithin(timeMs, timeMs);
  const isOf = (span: Span): boolean =>
    (span.device === null || span.device === device) && (span.tag === null || span.tag === point);
  const isIn = ({ from, to }: Span): boolean =>
    offsets.some((offsetMs) => {
      const seen = time + offsetMs * 1_000;
      return seen >= from - toleranceMs * 1_000 && seen <= to + toleranceMs * 1_000;
    });
  return spans.some((span) => isOf(span) && isIn(span)) || wasClockSet(one, agent);
}

/**
 * The start after a kill declares the time from the last batch on the disk until now. Where the clock was set in between, it
 * cannot know what the clock said while it read what was lost.
 */
function wasClockSet({ time }: Served, { clock, ends }: Agent): boolean {
  const timeMs = time / 1_000;
  const end = ends.find(({ atMs }) => atMs > timeMs);
  if (end === undefined || end.atMs - timeMs > endWithinMs) return false;
  return clock.offsetsWithin(timeMs, end.atMs).length > 1;
}
