/** The ledger after a run: what is open in it, and what of that has a reason that the run knows. */
import { type Audit, openFindings, runAudit } from '../../demo/audit.ts';
import type { Line } from './line.ts';

/**
 * A stream that began in memory, while the disk took nothing, names no predecessor and is named by none. What of it was under
 * way when the agent was killed is gone, and its numbers with it: the next start knows only the time, and declares that.
 */
const isGoneWithMemory = `previous IS NULL AND isempty(held)
  AND NOT EXISTS (SELECT FROM stream other WHERE other.previous = stream.stream)
  AND EXISTS (SELECT FROM stream other WHERE other.gateway = stream.gateway AND other.stream_no < stream.stream_no)`;

const holes = `LATERAL (SELECT int8multirange(int8range(1, last_seq + 1)) - committed - declared - dead AS missing) AS open`;

/** Streams with batches that are nowhere, and gateways that have ended without their last word, a sentence each. */
export async function openStreams({ query }: Line): Promise<string[]> {
  const rows = await query<{ sentence: string }>(
    `SELECT gateway || ': stream ' || stream || ' lacks ' || missing AS sentence FROM stream, ${holes}
     WHERE last_seq > 0 AND NOT isempty(missing) AND NOT (${isGoneWithMemory})
     UNION ALL SELECT gateway || ' has ended and is said to be online' FROM gateway WHERE online`,
  );
  return rows.map(({ sentence }) => sentence);
}

export type LedgerVerdict = {
  readonly audit: Audit;
  /** Batches that were in memory alone when their agent was killed. */
  readonly goneWithMemory: number;
  readonly findings: readonly string[];
};

export async function judgeLedger(line: Line): Promise<LedgerVerdict> {
  const audit = await runAudit(async <Row>(sql: string) => (await line.query(sql)) as Row[]);
  const [gone] = await line.query<{ batches: number; samples: number }>(
    `SELECT coalesce(sum((SELECT sum(upper(hole) - lower(hole)) FROM unnest(missing) hole)), 0)::float8 AS batches,
       coalesce(sum(read - filtered - samples - declared_samples), 0)::float8 AS samples
     FROM stream, ${holes} WHERE ${isGoneWithMemory}`,
  );
  const { batches, samples } = gone ?? { batches: 0, samples: 0 };
  const rest = { ...audit, missingBatches: audit.missingBatches - batches, unaccounted: audit.unaccounted - samples };
  return {
    audit,
    goneWithMemory: batches,
    findings: [
      ...openFindings(rest).map((finding) => `the balance does not close: ${finding} is ${rest[finding]}`),
      ...(rest.unaccounted === 0 ? [] : await unbalancedStreams(line)),
      ...(await unexpected(line)),
    ],
  };
}

/** Where to look when samples are unaccounted for. */
async function unbalancedStreams({ query }: Line): Promise<string[]> {
  const rows = await query<{ sentence: string }>(
    `SELECT gateway || ': stream ' || stream || ' (' || class || '): read ' || read || ', filtered ' || filtered || ', received ' || samples
       || ', declared ' || declared_samples || '; batches 1 to ' || last_seq || ', here ' || committed || ', declared ' || declared
       || '; named by ' || coalesce((SELECT string_agg(by.stream || ' ' || kind || ' ' || coalesce(from_seq || '–' || to_seq, '') || ' '
         || coalesce(declaration.samples::text, '?') || ' ' || reason, ', ')
         FROM declaration JOIN stream by USING (stream_no)
         WHERE target_stream = stream.stream OR (kind = 'series' AND by.stream = stream.stream)), 'none') AS sentence
     FROM stream, ${holes} WHERE read - filtered - samples - declared_samples <> 0 AND NOT (${isGoneWithMemory})`,
  );
  return rows.map(({ sentence }) => sentence);
}

/** Trouble at a site makes neither dead letters nor a gateway that looks like two. */
async function unexpected({ query }: Line): Promise<string[]> {
  const rows = await query<{ sentence: string }>(
    `SELECT count(*) || ' dead letters of ' || coalesce(gateway, '?') || ' (' || code || '): ' || min(reason) AS sentence
     FROM dead_letter GROUP BY gateway, code
     UNION ALL SELECT count(*) || ' anomalies of ' || coalesce(gateway, '?') || ' (' || kind || '): ' || min(details::text)
     FROM anomaly GROUP BY gateway, kind`,
  );
  return rows.map(({ sentence }) => sentence);
}
