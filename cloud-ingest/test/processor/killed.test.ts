import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, Gateway, goodSample, openBackbone, queryOf, recordOf, tagOf } from './line.ts';

const batches = 600;
const kills = 5;

describe('a processor killed in the middle of its work', () => {
  let database: TestDatabase;
  let folder: string;
  let running: ChildProcess | null = null;

  beforeEach(async () => {
    database = await (await requirePostgres()).createDatabase();
    folder = temporaryFolder();
    await migrate(configFor(database.url, folder).database, silentLog);
  });
  afterEach(async () => {
    running?.kill('SIGKILL');
    await database.drop();
  });

  function start(): ChildProcess {
    const program = fileURLToPath(new URL('processor-program.ts', import.meta.url));
    running = spawn(process.execPath, [program, database.url, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    return running;
  }

  test('stores everything once, however often it is killed', async () => {
    const backbone = openBackbone(configFor(database.url, folder));
    await backbone.ensureTopic(backboneTopics.raw);
    const gateways = ['g1', 'g2', 'g3'].map((id) => new Gateway(id));
    for (let n = 0; n < batches; n++) {
      const gateway = gateways[n % gateways.length] as Gateway;
      const sent = gateway.batch([goodSample(tagOf('a'), n), goodSample(tagOf('b'), n)]);
      // Every tenth comes twice, as from a broker that was restarted.
      await backbone.append(backboneTopics.raw, (n % 10 === 0 ? [sent, sent] : [sent]).map(recordOf));
    }
    await backbone.close();

    const query = queryOf(database.url);
    const stored = async (): Promise<number> =>
      Number((await query<{ n: bigint }>('SELECT count(*) AS n FROM sample'))[0]?.n);
    for (let kill = 1; kill <= kills; kill++) {
      const program = start();
      const before = await stored();
      await waitFor(async () => (await stored()) > before || (await stored()) === batches * 2, {
        what: 'the processor to store something',
      });
      program.kill('SIGKILL');
      await once(program, 'exit');
    }
    start();
    await waitFor(
      async () =>
        (await query<{ n: bigint }>('SELECT sum(next_offset) AS n FROM source_offset'))[0]?.n?.toString() === '660',
      { what: 'everything to be stored' },
    );
    expect(
      await query('SELECT count(*)::int AS n, count(DISTINCT (series_id, value))::int AS different FROM sample'),
    ).toEqual([{ n: batches * 2, different: batches * 2 }]);
    const [sums] = await query(
      'SELECT sum(stored)::int AS stored, sum(duplicate_batches)::int AS duplicates FROM stream',
    );
    expect(sums).toEqual({ stored: batches * 2, duplicates: batches / 10 });
    expect(await query('SELECT count(*)::int AS n FROM dead_letter')).toEqual([{ n: 0 }]);
  }, 90_000);
});
