/**
 * A declaration of batches counts the samples of its whole range: those that the batches had, and those that they declare as
 * thinned. Of a batch that comes all the same the first are stored, and the second declared by itself: both come off again.
 */
import type { Session } from '../store/connection.ts';
import type { Admission, DeclaredRange, ReappearedBatch } from './admit.ts';
import { withFewerDeclared } from './stream-row.ts';

/** After the batches and the declarations are written. */
export async function correctDeclared(session: Session, admission: Admission): Promise<void> {
  const { rows, overlaps, widened, reappeared } = admission;
  const takeOff = (stream: string, samples: number): void => {
    const row = rows.get(stream);
    if (row !== undefined) rows.set(stream, withFewerDeclared(row, samples));
  };
  for (const range of overlaps) takeOff(range.stream, await samplesThatCame(session, range));
  for (const range of widened) takeOff(range.stream, await samplesKnown(session, range));
  // Those of a range that overlaps were taken off with it.
  const others = reappeared.filter((batch) => !overlaps.some((range) => isIn(batch, range)));
  for (const { stream, samples } of await counted(session, others)) takeOff(stream, samples);
}

const isIn = ({ stream, seq }: ReappearedBatch, range: DeclaredRange): boolean =>
  stream === range.stream && seq >= range.from && seq <= range.to;

/** Of the batches of a range that are stored: at most as many as the declaration states. */
async function samplesThatCame(session: Session, { stream, from, to, samples }: DeclaredRange): Promise<number> {
  const [row] = await session.query<{ stored: number; thinned: number }>(
    `SELECT (SELECT coalesce(sum(samples), 0)::int8 FROM batch_log
         WHERE batch BETWEEN stream_no::int8 * 4294967296 + $2::int8 AND stream_no::int8 * 4294967296 + $3::int8) AS stored,
       (SELECT coalesce(sum(samples), 0)::int8 FROM declaration
         WHERE declaration.stream_no = stream.stream_no AND seq BETWEEN $2 AND $3 AND kind = 'series' AND reason = 'thinned') AS thinned
     FROM stream WHERE stream = $1`,
    [stream, from, to],
  );
  return Math.min(samples, (row?.stored ?? 0) + (row?.thinned ?? 0));
}

/**
 * Of a range that was declared in parts before, as by an agent that could not write down what it had declared: what these parts
 * count now.
 */
async function samplesKnown(session: Session, whole: DeclaredRange): Promise<number> {
  const parts = await session.query<Omit<DeclaredRange, 'stream'>>(
    `SELECT DISTINCT from_seq AS "from", to_seq AS "to", samples FROM declaration
     WHERE kind = 'batches' AND target_stream = $1 AND samples IS NOT NULL
       AND from_seq >= $2 AND to_seq <= $3 AND (from_seq, to_seq) <> ($2, $3)`,
    [whole.stream, whole.from, whole.to],
  );
  const widest = parts.filter((part) => !parts.some((other) => other !== part && contains(other, part)));
  let known = 0;
  for (const part of widest)
    known += part.samples - (await samplesThatCame(session, { ...part, stream: whole.stream }));
  return Math.min(whole.samples, known);
}

type Stretch = { readonly from: number; readonly to: number };
const contains = (outer: Stretch, inner: Stretch): boolean => outer.from <= inner.from && outer.to >= inner.to;

/** Without those of which no declaration said how many samples they had: nothing was counted of these. */
async function counted(session: Session, batches: readonly ReappearedBatch[]): Promise<readonly ReappearedBatch[]> {
  if (batches.length === 0) return [];
  return session.query<ReappearedBatch>(
    `SELECT batch.stream, batch.seq, batch.samples
     FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS batch (stream, seq, samples)
     WHERE EXISTS (SELECT FROM declaration d WHERE d.target_stream = batch.stream
       AND batch.seq BETWEEN d.from_seq AND d.to_seq AND d.samples IS NOT NULL)`,
    [batches.map(({ stream }) => stream), batches.map(({ seq }) => seq), batches.map(({ samples }) => samples)],
  );
}
