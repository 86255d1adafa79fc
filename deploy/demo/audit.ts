/**
 * Counts the message balance (design, contract 12) from the rows themselves. It shares no code and no totals with the
 * processor: of the ledger it takes what each gateway stated (read, filtered, how many samples each batch had), and holds it
 * against the rows.
 *
 * A batch is `stream_no × 2^32 + seq`, in every row and in `batch_log`.
 */
export type Query = <Row>(sql: string) => Promise<readonly Row[]>;

export type Audit = {
  readonly streams: number;
  readonly batches: number;
  readonly read: number;
  readonly filtered: number;
  /** Rows. */
  readonly stored: number;
  readonly deadLettered: number;
  readonly declared: number;
  /** Losses that were declared without a number of samples: they are in none of these. */
  readonly uncountedLosses: number;
  /** Samples that came again and were dropped. */
  readonly duplicate: number;
  /** Batches below the last of their stream that are neither stored nor declared nor dead letters. */
  readonly missingBatches: number;
  /** Samples that a batch stated and that are neither rows nor dead letters. */
  readonly missingSamples: number;
  /** Rows that are there more often than their batch says, or of no batch at all. */
  readonly doubledRows: number;
  /** Samples read that stand nowhere: read − filtered − stored − dead-lettered − declared. */
  readonly unaccounted: number;
};

export type Finding = 'missingBatches' | 'missingSamples' | 'doubledRows' | 'unaccounted';
const findings: readonly Finding[] = ['missingBatches', 'missingSamples', 'doubledRows', 'unaccounted'];

/** Empty where the balance closes. */
export const openFindings = (audit: Audit): Finding[] => findings.filter((finding) => audit[finding] !== 0);

const number = (sql: string): string => `COALESCE(${sql}, 0)::float8`;

const auditSql = `
WITH numbered AS (
  SELECT (batch >> 32)::int4 AS stream_no, batch & 4294967295 AS seq, batch, samples, rejected FROM batch_log
), rows AS (
  SELECT batch, count(*) AS there FROM sample GROUP BY batch
), compared AS (
  SELECT COALESCE(rows.there, 0) AS there, COALESCE(numbered.rejected, 0) AS rejected,
    COALESCE(numbered.samples - numbered.rejected, 0) AS expected
  FROM rows FULL JOIN numbered USING (batch)
), lost_ranges AS (
  SELECT DISTINCT target_stream, int8range(from_seq, to_seq, '[]') AS seqs, declaration.samples
  FROM declaration WHERE kind = 'batches'
), lost AS (
  -- A range that was declared in parts before counts once: as a whole.
  SELECT stream.stream_no, range_agg(seqs) AS seqs, range_agg(seqs) FILTER (WHERE part.samples IS NOT NULL) AS counted_seqs,
    sum(part.samples) FILTER (WHERE NOT EXISTS (SELECT FROM lost_ranges whole WHERE whole.target_stream = part.target_stream
      AND whole.seqs @> part.seqs AND whole.seqs <> part.seqs AND whole.samples IS NOT NULL)) AS samples
  FROM lost_ranges part JOIN stream ON stream.stream = part.target_stream GROUP BY stream.stream_no
), thinned_batches AS (
  SELECT stream_no, seq, samples FROM declaration WHERE kind = 'series' AND reason = 'thinned'
), thinned AS (
  SELECT stream_no, sum(samples) AS samples FROM thinned_batches GROUP BY stream_no
), came AS (
  -- What was declared and came all the same is stored, with what it declares itself: stored beats declared.
  SELECT stream_no, sum(numbered.samples) + COALESCE(sum(own.samples), 0) AS samples
  FROM numbered JOIN lost USING (stream_no)
  LEFT JOIN (SELECT stream_no, seq, sum(samples) AS samples FROM thinned_batches GROUP BY stream_no, seq) AS own USING (stream_no, seq)
  WHERE counted_seqs @> seq GROUP BY stream_no
), present AS (
  SELECT stream_no, range_agg(int8range(seq, seq, '[]')) AS seqs, count(*) AS batches FROM numbered GROUP BY stream_no
), uncounted AS (
  SELECT count(*)::float8 AS "uncountedLosses" FROM declaration
  LEFT JOIN stream ON stream.stream = declaration.target_stream LEFT JOIN present ON present.stream_no = stream.stream_no
  WHERE declaration.samples IS NULL AND NOT COALESCE(present.seqs @> int8range(from_seq, to_seq, '[]'), false)
), by_stream AS (
  SELECT stream.*, COALESCE(present.batches, 0) AS batches,
    (SELECT sum(upper(hole) - lower(hole)) FROM unnest(
      int8multirange(int8range(1, last_seq + 1)) - COALESCE(present.seqs, '{}') - COALESCE(lost.seqs, '{}') - dead
    ) AS hole) AS holes,
    greatest(lost.samples - COALESCE(came.samples, 0), 0) AS lost_samples,
    -- Taken out of batches before they were sent: read, and in none.
    thinned.samples AS thinned_samples
  FROM stream LEFT JOIN present USING (stream_no) LEFT JOIN lost USING (stream_no) LEFT JOIN came USING (stream_no)
    LEFT JOIN thinned USING (stream_no)
)
SELECT streams.*, uncounted.*, stored, "deadLettered", "missingSamples", "doubledRows",
  read - filtered - stored - "deadLettered" - declared AS unaccounted
FROM (
  SELECT count(*)::float8 AS streams, ${number('sum(batches)')} AS batches, ${number('sum(read)')} AS read,
    ${number('sum(filtered)')} AS filtered, ${number('sum(lost_samples)')} + ${number('sum(thinned_samples)')} AS declared,
    ${number('sum(duplicate_samples)')} AS duplicate, ${number('sum(holes)')} AS "missingBatches"
  FROM by_stream
) AS streams, (
  SELECT ${number('sum(there)')} AS stored, ${number('sum(rejected)')} AS "deadLettered",
    ${number('sum(greatest(expected - there, 0))')} AS "missingSamples",
    ${number('sum(greatest(there - expected, 0))')} AS "doubledRows"
  FROM compared
) AS counted, uncounted`;

export async function runAudit(query: Query): Promise<Audit> {
  const [row] = await query<Audit>(auditSql);
  if (row === undefined) throw new Error('the audit gave no row');
  return row;
}

/** Doubled and missing samples of the batches received within the last minute: cheap enough to ask every two seconds. */
const recentSql = `
WITH recent AS (
  SELECT batch, samples - rejected AS expected, from_time, to_time FROM batch_log
  WHERE received_at > now() - interval '1 minute'
), rows AS (
  SELECT batch, count(*) AS there FROM sample
  WHERE time >= (SELECT min(from_time) FROM recent) AND time <= (SELECT max(to_time) FROM recent) GROUP BY batch
)
SELECT recent.batch::text AS batch, (COALESCE(rows.there, 0) - expected)::int4 AS difference
FROM recent LEFT JOIN rows USING (batch) WHERE COALESCE(rows.there, 0) <> expected`;

export const runRecentAudit = (query: Query): Promise<readonly { batch: string; difference: number }[]> =>
  query(recentSql);
