import { randomUUID } from 'node:crypto';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openFindings, type Query, runAudit, runRecentAudit } from '../../demo/audit.ts';
import { summary } from '../../demo/summary.ts';
import { migrated } from '../migrated.ts';

let database: TestDatabase;
let client: pg.Client;
const query: Query = async <Row>(sql: string) => (await client.query(sql)).rows as Row[];

beforeAll(async () => {
  database = await (await requirePostgres()).createDatabase();
  migrated(database.url);
  client = new pg.Client({ connectionString: database.url, options: '-c search_path=fieldline' });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(() => client.query('BEGIN'));
afterEach(() => client.query('ROLLBACK'));

/** A stream of three batches of four samples each, of which the agent read 15 and held back 3. */
async function closedLine(): Promise<{ streamNo: number; batch: (seq: number) => string; stream: string }> {
  const stream = randomUUID();
  const { rows } = await client.query<{ stream_no: number }>(
    `INSERT INTO stream (stream, gateway, last_seq, read, filtered, counted_seq) VALUES ($1, 'g', 3, 15, 3, 3) RETURNING stream_no`,
    [stream],
  );
  const streamNo = rows[0]?.stream_no ?? 0;
  const batch = (seq: number): string => String((BigInt(streamNo) << 32n) + BigInt(seq));
  for (const seq of [1, 2, 3]) {
    await client.query(
      `INSERT INTO batch_log (batch, received_at, topic, partition, record_offset, samples, stored, rejected, from_time, to_time)
       VALUES ($1, now(), 't', 0, $2, 4, 4, 0, now() - interval '10 s', now())`,
      [batch(seq), seq],
    );
    await client.query(
      `INSERT INTO sample (time, series_id, value, quality, batch) SELECT now() - n * interval '1 s', n, n, 0, $1 FROM generate_series(1, 4) n`,
      [batch(seq)],
    );
  }
  return { streamNo, batch, stream };
}

describe('the audit', () => {
  test('closes where every sample read is a row or was held back', async () => {
    await closedLine();
    const audit = await runAudit(query);
    expect(audit).toMatchObject({ streams: 1, batches: 3, read: 15, filtered: 3, stored: 12, unaccounted: 0 });
    expect(openFindings(audit)).toEqual([]);
    expect(summary(audit, 15, 15)).toMatchObject({ closes: true, text: expect.stringContaining('The balance closes') });
  });

  test('takes a stream of which no batch is known for one that lacks none', async () => {
    await closedLine();
    await client.query(`INSERT INTO stream (stream, gateway, last_seq) VALUES ($1, 'g', 0)`, [randomUUID()]);
    expect(await runAudit(query)).toMatchObject({ streams: 2, missingBatches: 0, unaccounted: 0 });
  });

  test('takes what was thinned for declared, and other losses of series for none of what was read', async () => {
    const { streamNo } = await closedLine();
    await client.query('UPDATE stream SET read = 25');
    expect(openFindings(await runAudit(query))).toEqual(['unaccounted']);
    for (const [reason, samples] of [
      ['thinned', 7],
      ['thinned', 3],
      ['poll-missed', 5],
    ])
      await client.query(
        `INSERT INTO declaration (stream_no, seq, kind, device, tag, from_time, to_time, samples, reason, declared_at)
         VALUES ($1, 3, 'series', 'd', NULL, now(), now(), $2, $3, now())`,
        [streamNo, samples, reason],
      );
    const audit = await runAudit(query);
    expect(audit).toMatchObject({ read: 25, stored: 12, declared: 10, unaccounted: 0 });
    expect(openFindings(audit)).toEqual([]);
  });

  test('sees a row that is gone', async () => {
    const line = await closedLine();
    await client.query('DELETE FROM sample WHERE batch = $1 AND series_id = 2', [line.batch(2)]);
    expect(await runAudit(query)).toMatchObject({ missingSamples: 1, doubledRows: 0, unaccounted: 1 });
    expect(await runRecentAudit(query)).toEqual([{ batch: line.batch(2), difference: -1 }]);
  });

  test('sees a batch that was stored twice', async () => {
    const line = await closedLine();
    await client.query('INSERT INTO sample SELECT * FROM sample WHERE batch = $1', [line.batch(3)]);
    const audit = await runAudit(query);
    expect(audit).toMatchObject({ missingSamples: 0, doubledRows: 4 });
    expect(await runRecentAudit(query)).toEqual([{ batch: line.batch(3), difference: 4 }]);
    expect(summary(audit, 15, 15).text).toMatch(/does not close: 4 rows more than their batches stated/);
  });

  test('sees rows of a batch that nobody received', async () => {
    const line = await closedLine();
    await client.query('UPDATE sample SET batch = $1 WHERE batch = $2', [line.batch(77), line.batch(1)]);
    expect(await runAudit(query)).toMatchObject({ missingSamples: 4, doubledRows: 4 });
  });

  test('sees a hole in a stream, unless it was declared', async () => {
    const line = await closedLine();
    for (const table of ['batch_log', 'sample'])
      await client.query(`DELETE FROM ${table} WHERE batch = $1`, [line.batch(2)]);
    expect(await runAudit(query)).toMatchObject({ missingBatches: 1, unaccounted: 4 });
    await client.query(
      `INSERT INTO declaration (stream_no, seq, kind, target_stream, from_seq, to_seq, samples, reason, declared_at)
       VALUES ($1, 3, 'batches', $2, 2, 2, 4, 'disk-bound', now())`,
      [line.streamNo, line.stream],
    );
    const declared = await runAudit(query);
    expect(declared).toMatchObject({ missingBatches: 0, declared: 4, unaccounted: 0 });
    expect(openFindings(declared)).toEqual([]);
  });

  test('takes a sample that was declared lost and came all the same for what it is: stored', async () => {
    const line = await closedLine();
    await client.query(
      `INSERT INTO declaration (stream_no, seq, kind, target_stream, from_seq, to_seq, samples, reason, declared_at)
       VALUES ($1, 3, 'batches', $2, 2, 2, 4, 'disk-bound', now())`,
      [line.streamNo, line.stream],
    );
    expect(openFindings(await runAudit(query))).toEqual([]);
  });

  test('takes off a range that was declared what came of it, and counts once what was declared in parts before', async () => {
    const line = await closedLine();
    // Batches 4 and 5 had 6 and 7 samples; 5 came and declares 2 of its own as thinned.
    await client.query('UPDATE stream SET read = 15 + 6 + 9, last_seq = 6');
    await client.query(
      `INSERT INTO batch_log (batch, received_at, topic, partition, record_offset, samples, stored, rejected, from_time, to_time)
       VALUES ($1, now(), 't', 0, 5, 7, 7, 0, now(), now())`,
      [line.batch(5)],
    );
    await client.query(
      `INSERT INTO sample (time, series_id, value, quality, batch) SELECT now(), n, n, 0, $1 FROM generate_series(1, 7) n`,
      [line.batch(5)],
    );
    await client.query(
      `INSERT INTO declaration (stream_no, seq, kind, device, from_time, to_time, samples, reason, declared_at)
       VALUES ($1, 5, 'series', 'd', now(), now(), 2, 'thinned', now())`,
      [line.streamNo],
    );
    const lost = (from: number, to: number, samples: number | null) =>
      client.query(
        `INSERT INTO declaration (stream_no, seq, kind, target_stream, from_seq, to_seq, samples, reason, declared_at)
         VALUES ($1, 3, 'batches', $2, $3, $4, $5, 'journal-damaged', now())`,
        [line.streamNo, line.stream, from, to, samples],
      );
    await lost(4, 4, 6);
    await lost(6, 6, null);
    expect(await runAudit(query)).toMatchObject({ stored: 19, declared: 8, unaccounted: 0 });
    await lost(4, 5, 15);
    await lost(4, 5, 15);
    expect(await runAudit(query)).toMatchObject({ stored: 19, declared: 8, unaccounted: 0, missingBatches: 0 });
  });

  test('says of losses without a count that they are in no number', async () => {
    const line = await closedLine();
    const declare = (kind: string, from: number | null, to: number | null) =>
      client.query(
        `INSERT INTO declaration (stream_no, seq, kind, target_stream, from_seq, to_seq, samples, reason, declared_at)
         VALUES ($1, 3, $2, $3, $4, $5, NULL, 'restart', now())`,
        [line.streamNo, kind, kind === 'batches' ? line.stream : null, from, to],
      );
    await declare('batches', 1, 2);
    expect((await runAudit(query)).uncountedLosses).toBe(0);
    await declare('series', null, null);
    const audit = await runAudit(query);
    expect(audit.uncountedLosses).toBe(1);
    expect(summary(audit, 15, 15)).toMatchObject({
      closes: true,
      text: expect.stringMatching(/The balance closes.*\n1 loss declared without a count/),
    });
  });

  test('counts a sample that cannot be stored as a dead letter, not as missing', async () => {
    const line = await closedLine();
    await client.query('UPDATE batch_log SET stored = 3, rejected = 1 WHERE batch = $1', [line.batch(1)]);
    await client.query('DELETE FROM sample WHERE batch = $1 AND series_id = 1', [line.batch(1)]);
    const audit = await runAudit(query);
    expect(audit).toMatchObject({ stored: 11, deadLettered: 1 });
    expect(openFindings(audit)).toEqual([]);
  });

  test('does not call a line that carried nothing a closed one', async () => {
    expect(summary(await runAudit(query), null, 0)).toMatchObject({ closes: false });
  });

  test('holds the agent’s own counter against the ledger', async () => {
    await closedLine();
    const { closes, text } = summary(await runAudit(query), 16, 15);
    expect(closes).toBe(false);
    expect(text).toContain('the agent counted 16 samples read in this run, the ledger knows of 15');
  });
});
