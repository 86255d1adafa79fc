/** What an agent declared as lost, as the ledger has it, and whether a value is among it. */
import type { Served } from '@fieldline/simulators';
import type { Line } from './line.ts';
import type { Site, Start } from './site.ts';

type Agent = { readonly clock: Site['clock']; readonly starts: readonly Start[] };

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

/** What was taken out of journals that were full, of all gateways. */
export async function thinnedSamples({ query }: Pick<Line, 'query'>): Promise<number> {
  const [row] = await query<{ samples: number }>(
    `SELECT coalesce(sum(samples), 0)::float8 AS samples FROM declaration WHERE kind = 'series' AND reason = 'thinned'`,
  );
  return row?.samples ?? 0;
}

const isOf = (span: Span, device: string, tag: string): boolean =>
  (span.device === null || span.device === device) && (span.tag === null || span.tag === tag);

/** Whether the value lies in a time that was declared as lost, by the clock of the agent. */
export function isDeclared({ device, point, time }: Served, { spans }: Declared, { clock }: Agent): boolean {
  const timeMs = time / 1_000;
  const offsets = clock.offsetsWithin(timeMs, timeMs);
  const isIn = ({ from, to }: Span): boolean =>
    offsets.some((offsetMs) => {
      const seen = time + offsetMs * 1_000;
      return seen >= from - toleranceMs * 1_000 && seen <= to + toleranceMs * 1_000;
    });
  return spans.some((span) => isOf(span, device, point) && isIn(span));
}

/**
 * The start after a kill declares the time from the last batch on the disk until now. Where the clock was set in between, what
 * it said while that was read which is lost is not between the two: so the loss is declared, but for another time.
 */
export function isDeclaredForOtherTime({ device, point, time }: Served, { spans }: Declared, agent: Agent): boolean {
  const timeMs = time / 1_000;
  return spans
    .filter((span) => isOf(span, device, point))
    .flatMap((span) => lossesOf(span, agent))
    .some(({ fromMs, toMs }) => timeMs >= fromMs - toleranceMs && timeMs <= toMs + toleranceMs);
}

/** When it really was between the last batch on the disk and the start that declares it. Either end of the span may be the start. */
function lossesOf({ from, to }: Span, { clock, starts }: Agent): { fromMs: number; toMs: number }[] {
  const ends = [
    { startMs: to / 1_000, lastMs: from / 1_000 },
    { startMs: from / 1_000, lastMs: to / 1_000 },
  ];
  return ends.flatMap(({ startMs, lastMs }) =>
    clock
      .timesOf(startMs)
      .filter((atMs) => starts.some(({ begunMs, upMs }) => atMs >= begunMs && atMs <= upMs))
      .flatMap((toMs) => clock.timesOf(lastMs).map((fromMs) => ({ fromMs, toMs })))
      .filter(({ fromMs, toMs }) => fromMs <= toMs),
  );
}
