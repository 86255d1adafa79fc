import { batchVersion } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { goodSample, servers, tagOf } from '../processor/line.ts';
import { describeRedrives, hour, ofTomorrow } from './redrives.ts';

describeRedrives('redriving dead letters on', servers, (bench, server) => {
  const { redrive, store, ids, letters, rows, values, ledger, logged, balance, keepTables, upgrade } = bench;

  test('stores a batch that was never stored, and moves it in the ledger from dead to committed', async () => {
    const first = bench.gateway.batch([goodSample(tagOf('a'), 1)]);
    const second = bench.gateway.batch([goodSample(tagOf('a'), 2), goodSample(tagOf('b'), 3)]);
    await store(first, ofTomorrow(second));
    const [id] = await ids();
    expect(await ledger()).toMatchObject({ committed: '{[1,2)}', dead: '{[2,3)}', stored: 1n });
    expect(await balance()).toMatchObject({ read: 1, stored: 1, deadBatches: 1 });
    expect(await redrive('--all')).toEqual([
      'tried 1 letter',
      `  1 still dead by batch/unsupported-version, the first is ${id}: version ${batchVersion + 1}; this reader knows up to ${batchVersion}`,
    ]);
    await upgrade();
    const stored = `stored 2 samples of batch 2 of ${bench.gateway.gateway}, stream ${bench.gateway.stream}`;
    expect(await redrive(`${id}`)).toEqual([`${id}: ${stored}`, 'tried 1 letter', '  1 stored, with 2 samples']);
    expect(await rows()).toEqual([
      { tag: 'a', value: 1, seq: 1 },
      { tag: 'a', value: 2, seq: 2 },
      { tag: 'b', value: 3, seq: 2 },
    ]);
    expect(await ledger()).toEqual({
      committed: '{[1,3)}',
      dead: '{}',
      samples: 3n,
      stored: 3n,
      rejected: 0n,
      duplicate_batches: 0n,
    });
    expect(await letters()).toMatchObject([{ code: 'batch/unsupported-version', attempts: 2, open: false }]);
    expect(await balance()).toMatchObject({ read: 3, stored: 3, rejected: 0, open: 0, deadBatches: 0, closed: true });
    expect(await logged(2)).toEqual([{ topic: 'fieldline.raw', samples: 2, stored: 2, rejected: 0 }]);
  });

  test('makes rows of the asked samples only, of the same batch, and counts them over', async () => {
    const now = Date.now() * 1_000;
    const far = now + 30 * 24 * hour;
    await store(
      bench.gateway.batch([
        goodSample(tagOf('a'), 1, now),
        goodSample(tagOf('a'), 2, far),
        goodSample(tagOf('b'), 3, far + 1),
        goodSample(tagOf('c'), 4, far + 2),
        goodSample(tagOf('d'), 5, 1),
      ]),
    );
    const [id = ''] = await ids();
    expect(await letters()).toMatchObject([{ code: 'sample/time-out-of-window', positions: '{[1,5)}' }]);
    expect(await balance()).toMatchObject({ stored: 1, rejected: 4, open: 0 });

    expect(await redrive(id, '--position', '0')).toContainEqual(
      `${id}: nothing was done, it is about positions 1-4 of its batch, not about position 0`,
    );
    await redrive(id, '--position', '1', '--position', '3');
    expect(await rows()).toEqual([1, 2, 4].map((value) => expect.objectContaining({ value, seq: 1 })));
    expect(await letters()).toMatchObject([{ attempts: 1, redriven: '{[1,2),[3,4)}', open: true }]);
    expect(await ledger()).toMatchObject({ committed: '{[1,2)}', samples: 5n, stored: 3n, rejected: 2n });
    expect(await logged(1)).toMatchObject([{ samples: 5, stored: 3, rejected: 2 }]);

    const [said] = await redrive(id);
    expect(said).toContain(`${id}: stored 1 sample of batch 1`);
    expect(said).toContain('1 still dead: sample/time-out-of-window: its time lies');
    expect(await values()).toEqual([1, 2, 3, 4]);
    expect(await letters()).toMatchObject([{ attempts: 2, redriven: '{[1,4)}', open: true }]);
    expect(await balance()).toMatchObject({ read: 5, stored: 4, rejected: 1, open: 0, closed: true });
    const latest = await bench.line.query(
      'SELECT tag, latest.value FROM latest JOIN series USING (series_id) WHERE gateway = $1 ORDER BY tag',
      [bench.gateway.gateway],
    );
    expect(latest).toEqual([
      { tag: 'a', value: 2 },
      { tag: 'b', value: 3 },
      { tag: 'c', value: 4 },
    ]);
    expect((await redrive(id))[0]).toContain(`${id}: still dead, sample/time-out-of-window`);
    expect(bench.isIncomplete).toBe(true);
  });

  test('stores nothing twice, whether redriven again or by two at the same time', async () => {
    const now = Date.now() * 1_000;
    const far = now + 30 * 24 * hour;
    for (let n = 0; n < 8; n++) {
      await bench.line.send(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 10 + n, now + n)])));
      await bench.line.send(
        bench.gateway.batch([goodSample(tagOf('a'), 20 + n, now + n), goodSample(tagOf('b'), 30 + n, far)]),
      );
    }
    await bench.line.settled();
    await upgrade();
    const all = await ids();
    await Promise.all([redrive('--all'), redrive(...all.toReversed()), redrive('--gateway', bench.gateway.gateway)]);
    const expected = [10, 20, 30].flatMap((base) => Array.from({ length: 8 }, (_, n) => base + n));
    expect(await values()).toEqual(expected);
    const again = await redrive(...all);
    expect(again.at(-1)).toBe('  16 left as they were');
    expect(again[0]).toMatch(/^\d+: nothing was done, it was redriven at \d{4}-/);
    expect(await values()).toEqual(expected);
    expect(await ledger()).toMatchObject({ committed: '{[1,17)}', dead: '{}', stored: 24n, rejected: 0n });
    expect(await balance()).toMatchObject({ stored: 24, duplicate: 0, rejected: 0, open: 0, closed: true });
  });

  test('stores what PostgreSQL refused once the reason is gone, and tells the newest reason until then', async () => {
    await bench.alter('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 100)');
    const now = Date.now() * 1_000;
    await store(bench.gateway.batch([1, 102, 3, 204].map((value, n) => goodSample(tagOf('a'), value, now + n))));
    expect(await letters()).toMatchObject([{ code: 'database/data', stage: 'store', positions: '{[1,2),[3,4)}' }]);
    await bench.alter('ALTER TABLE sample DROP CONSTRAINT fits');
    await bench.alter('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 200)');
    const [id = ''] = await ids();
    expect((await redrive(id))[0]).toMatch(/stored 1 sample .*; 1 still dead: database\/data: .*"(\w+_)?fits"/);
    expect(await values()).toEqual([1, 3, 102]);
    await bench.alter('ALTER TABLE sample DROP CONSTRAINT fits');
    await redrive(id);
    expect(await values()).toEqual([1, 3, 102, 204]);
    expect(await balance()).toMatchObject({ read: 4, stored: 4, rejected: 0, closed: true });
  });

  test('tells in a dry run what would happen, and changes nothing', async () => {
    const far = Date.now() * 1_000 + 30 * 24 * hour;
    await store(
      ofTomorrow(bench.gateway.batch([goodSample(tagOf('new'), 1)])),
      bench.gateway.batch([goodSample(tagOf('a'), 2), goodSample(tagOf('a'), 3, far)]),
    );
    await upgrade();
    const series = () => bench.line.query('SELECT tag FROM series WHERE gateway = $1', [bench.gateway.gateway]);
    const before = [await letters(), await ledger(), await rows(), await logged(2), await series()];
    const dry = await redrive(...(await ids()), '--dry-run');
    expect([await letters(), await ledger(), await rows(), await logged(2), await series()]).toEqual(before);
    expect(dry.at(-2)).toBe('tried 2 letters in a dry run: nothing has changed');
    const wet = await redrive(...(await ids()));
    expect(wet.slice(0, 2)).toEqual(dry.slice(0, 2));
    expect(await values()).toEqual([1, 2, 3]);
  });

  test('is over when the letters are older than the settings keep them: maintenance deletes them', async () => {
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])), ofTomorrow(bench.gateway.batch([])));
    const [old, young] = await ids();
    await bench.line.query(`UPDATE dead_letter SET written_at = now() - INTERVAL '91 days' WHERE id = $1`, [old]);
    await waitFor(async () => {
      await keepTables();
      return (await ids()).length === 1;
    });
    expect(await ids()).toEqual([young]);
    expect(await redrive(`${old}`)).toContain(`${old}: nothing was done, there is no such letter`);
    expect(bench.isIncomplete).toBe(true);
  });

  if (server === 'TimescaleDB') {
    test('writes late rows into chunks that are compressed, and the roll-ups follow', async () => {
      const old = Date.now() * 1_000 - 20 * 24 * hour;
      const inMinutes = async () => {
        const [sum] = await bench.line.query<{ count: number }>(
          'SELECT sum(count)::int AS count FROM sample_1m JOIN series USING (series_id) WHERE gateway = $1',
          [bench.gateway.gateway],
        );
        return sum?.count;
      };
      await bench.alter('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 1000)');
      await store(
        bench.gateway.batch(
          Array.from({ length: 200 }, (_, n) => goodSample(tagOf('a'), 900 + n, old + n * 1_000_000)),
        ),
      );
      await bench.alter('ALTER TABLE sample DROP CONSTRAINT fits');
      await bench.alter(`SELECT compress_chunk(chunk, true) FROM show_chunks('sample') AS chunk`);
      await keepTables();
      expect(await inMinutes()).toBe(100);
      expect((await redrive('--all')).at(-1)).toBe('  1 stored, with 100 samples');
      expect((await values()).length).toBe(200);
      expect(await inMinutes()).toBe(200);
      await keepTables();
      expect(await inMinutes()).toBe(200);
      expect((await redrive(...(await ids())))[0]).toContain('it was redriven at');
    });
  }
});
