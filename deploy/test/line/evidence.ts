/**
 * Holds what the simulators say they served against the rows in the database: two records of the same plant that share no
 * code between them but the types.
 */
import type { Micros, Value, ValueType } from '@fieldline/shared/contracts';
import type { Served } from '@fieldline/simulators';
import pg from 'pg';

export type Row = {
  readonly device: string;
  readonly tag: string;
  readonly time: Micros;
  readonly value: Value | null;
  readonly quality: number;
};

/** Every row of the gateway, in the order of time. */
export async function readRows(databaseUrl: string, gateway: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{
      device: string;
      tag: string;
      type: ValueType;
      us: string;
      value: number | null;
      text: string | null;
      quality: number;
    }>(
      `SELECT device, tag, type, (extract(epoch FROM time) * 1000000)::int8 AS us, value, text, quality
       FROM fieldline.sample JOIN fieldline.series USING (series_id) WHERE gateway = $1 ORDER BY time`,
      [gateway],
    );
    return rows.map(({ device, tag, type, us, value, text, quality }) => ({
      device,
      tag,
      time: Number(us),
      quality,
      value: value === null && text === null ? null : typedValue(type, value, text),
    }));
  } finally {
    await client.end();
  }
}

function typedValue(type: ValueType, value: number | null, text: string | null): Value {
  if (type === 'string') return text ?? '';
  if (type === 'bool') return value === 1;
  if (type === 'int64' || type === 'uint64') return text === null ? BigInt(value ?? 0) : BigInt(text);
  return value ?? Number.NaN;
}

export type Comparison = {
  /** Served, and in no row with that value. */
  readonly missing: Served[];
  /** Rows that hold what nobody served then: wrong values and doubled rows. */
  readonly surplus: Row[];
  readonly matched: number;
};

/**
 * Pairs served values and rows of each tag in their order: a pair has the same value, and times no further apart than
 * `toleranceMs`, half the longest round trip of a reading.
 */
export function compare(served: readonly Served[], rows: readonly Row[], toleranceMs: number): Comparison {
  const result = { missing: [] as Served[], surplus: [] as Row[], matched: 0 };
  const rowsByTag = Map.groupBy(
    rows.filter((row) => row.value !== null),
    (row) => `${row.device}/${row.tag}`,
  );
  const servedByTag = Map.groupBy(served, (one) => `${one.device}/${one.point}`);
  for (const tag of new Set([...rowsByTag.keys(), ...servedByTag.keys()])) {
    const left = (servedByTag.get(tag) ?? []).toSorted((a, b) => a.time - b.time);
    const right = (rowsByTag.get(tag) ?? []).toSorted((a, b) => a.time - b.time);
    const pairs = align(left, right, toleranceMs * 1_000);
    const [pairedLeft, pairedRight] = [new Set(pairs.map(([l]) => l)), new Set(pairs.map(([, r]) => r))];
    result.missing.push(...left.filter((_, index) => !pairedLeft.has(index)));
    result.surplus.push(...right.filter((_, index) => !pairedRight.has(index)));
    result.matched += pairs.length;
  }
  return result;
}

/**
 * The pairing in order with the least cost, by dynamic programming: a pair costs how far its times are apart, what stays
 * alone costs the tolerance. A greedy pairing would give the row of a flag to the reading before it, whose own row is lost.
 */
function align(left: readonly Served[], right: readonly Row[], tolerance: Micros): [number, number][] {
  const width = right.length + 1;
  const cost = new Float64Array((left.length + 1) * width);
  for (let l = left.length; l >= 0; l--) {
    for (let r = right.length; r >= 0; r--) {
      if (l === left.length || r === right.length) {
        cost[l * width + r] = (left.length - l + right.length - r) * tolerance;
        continue;
      }
      const alone = tolerance + Math.min(cost[(l + 1) * width + r] as number, cost[l * width + r + 1] as number);
      cost[l * width + r] = Math.min(
        alone,
        pairCost(left[l] as Served, right[r] as Row, tolerance) + (cost[(l + 1) * width + r + 1] as number),
      );
    }
  }
  const pairs: [number, number][] = [];
  for (let l = 0, r = 0; l < left.length && r < right.length; ) {
    const here = cost[l * width + r] as number;
    if (here === pairCost(left[l] as Served, right[r] as Row, tolerance) + (cost[(l + 1) * width + r + 1] as number)) {
      pairs.push([l++, r++]);
    } else if (here === tolerance + (cost[(l + 1) * width + r] as number)) l += 1;
    else r += 1;
  }
  return pairs;
}

function pairCost(one: Served, row: Row, tolerance: Micros): number {
  const apart = Math.abs(row.time - one.time);
  return row.value === one.value && apart <= tolerance ? apart : Number.POSITIVE_INFINITY;
}

export type LedgerAudit = {
  readonly streams: { stream: string; last: number; holes: number }[];
  /** Batches whose rows are not as many as the ledger says were stored. */
  readonly wrongBatches: number;
};

/** The ledger held against the rows, in plain SQL. */
export async function auditLedger(databaseUrl: string, gateway: string): Promise<LedgerAudit> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const streams = await client.query<{ stream: string; last: number; holes: number }>(
      `SELECT stream, last_seq::int AS last,
              (last_seq - (SELECT count(*) FROM generate_series(1, last_seq) seq WHERE committed @> seq OR declared @> seq OR dead @> seq))::int AS holes
       FROM fieldline.stream WHERE gateway = $1 ORDER BY stream_no`,
      [gateway],
    );
    const wrong = await client.query<{ wrong: number }>(
      `SELECT count(*)::int AS wrong
       FROM (SELECT batch, count(*) AS rows FROM fieldline.sample GROUP BY batch) counted
       FULL JOIN fieldline.batch_log USING (batch)
       WHERE coalesce(rows, 0) <> coalesce(stored, -1) AND NOT (rows IS NULL AND stored = 0)`,
    );
    return { streams: streams.rows, wrongBatches: wrong.rows[0]?.wrong ?? -1 };
  } finally {
    await client.end();
  }
}
