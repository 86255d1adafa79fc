/** The command as an operator runs it, on rows in the columnstore. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, startPostgres, temporaryFolder, timescale, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { Gateway, goodSample, insist, type Line, openLine, tagOf } from '../processor/line.ts';
import { expectConsistent } from './replays.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const tags = 50;
const rounds = 20;
const batches = 40;

describeWith(timescale, 'the command replay', () => {
  function start(file: string, ...args: readonly string[]) {
    const child = spawn(process.execPath, [main, 'replay', '--config', file, ...args], { stdio: 'pipe' });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    const ended = once(child, 'close').then(([code]) => ({ code, said }));
    return { kill: () => child.kill('SIGKILL'), ended };
  }

  /** 40,000 rows of 50 series, in batches of 1,000. */
  async function fill(line: Line, endMs: number): Promise<void> {
    const gateway = new Gateway('g');
    const processor = await line.start();
    for (let n = 0; n < batches; n++) {
      const samples = Array.from({ length: tags * rounds }, (_, i) => {
        const time = endMs - ((batches - n) * rounds - Math.floor(i / tags)) * 1_000;
        return goodSample(tagOf(`t${i % tags}`), i * 1_000 + n, time * 1_000);
      });
      await line.send(gateway.batch(samples));
    }
    await line.settled();
    await processor.close();
  }

  test('killed in the middle and run again, over compressed chunks: everything is right, nothing is there twice', async () => {
    const server = await startPostgres({ timescale: true });
    try {
      const line = await openLine(server);
      const endMs = Date.now() - 60_000;
      await fill(line, endMs);
      const sums = () =>
        line.query('SELECT series_id, count(*), sum(value), min(time), max(time) FROM sample GROUP BY 1 ORDER BY 1');
      const right = await sums();
      await line.query(
        'SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0; UPDATE sample SET value = value + 1000000000',
      );
      await line.query('UPDATE latest SET value = value + 1000000000');
      await insist(
        line.query,
        `SELECT compress_chunk(chunk, if_not_compressed => true) FROM show_chunks('sample') chunk`,
      );
      await line.query(`INSERT INTO touched_1m SELECT DISTINCT date_trunc('minute', time) FROM sample`);
      // Much less than one transaction has to unpack.
      await line.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timescaledb.max_tuples_decompressed_per_dml_transaction = 100', current_database()); END $$`,
      );
      // The embedded log is for one process.
      await line.backbone.close();
      const file = join(temporaryFolder(), 'ingest.yaml');
      const { mqtt, backbone, database } = line.config;
      const settings = { mqtt: { broker: mqtt.broker }, backbone, database: { url: database.url } };
      writeFileSync(file, JSON.stringify(settings));
      const iso = (ms: number): string => new Date(ms).toISOString();
      const range = ['--from', iso(endMs - 3_600_000), '--to', iso(endMs)];

      const planned = await start(file, ...range, '--dry-run').ended;
      expect(planned).toMatchObject({ code: 0, said: expect.stringContaining(`${batches} batches, 40,000 samples`) });
      const wrong = async (): Promise<number> =>
        Number((await line.query('SELECT count(*)::int AS n FROM sample WHERE value >= 1000000000'))[0]?.n);
      expect(await wrong()).toBe(batches * tags * rounds);

      const killed = start(file, ...range, '--rate', '4000');
      await waitFor(async () => (await wrong()) < batches * tags * rounds, {
        what: 'the first batches to be right',
      });
      killed.kill();
      await killed.ended;
      expect(await wrong()).toBeGreaterThan(0);
      await expectConsistent(line.query);

      const again = await start(file, ...range).ended;
      expect(again).toMatchObject({
        code: 0,
        said: expect.stringContaining(`written again: ${batches} batches, 40,000 samples stored, 0 dead letters`),
      });
      expect(await sums()).toEqual(right);
      await expectConsistent(line.query);

      const none = await start(file, '--from', iso(endMs), '--to', iso(endMs - 1)).ended;
      expect(none).toMatchObject({ code: 2, said: expect.stringContaining('--from must be before --to') });

      // Now retention is about to reach the rows.
      writeFileSync(file, JSON.stringify({ ...settings, database: { url: database.url, retainRawMs: 3_600_000 } }));
      const expired = await start(file, ...range).ended;
      expect(expired).toMatchObject({
        code: 1,
        said: expect.stringContaining(`replay/incomplete: ${batches} batches were left as they are`),
      });
      expect(await sums()).toEqual(right);
      await line.close();
    } finally {
      await server.close();
    }
  }, 180_000);
});
