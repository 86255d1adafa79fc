import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { encodeBatch } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase, temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run, usage } from '../../src/commands/dead-letters.ts';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.ts';
import { deleteOldLetters } from '../../src/dead-letters/retention.ts';
import { writeDeadLetters } from '../../src/dead-letters/write.ts';
import { openStore, type Store } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, queryOf } from '../processor/line.ts';

const batch = {
  gateway: 'pump-station',
  stream: '11111111-1111-4111-8111-111111111111',
  seq: 5,
  read: 400,
  filtered: 300,
  volatile: false,
  declared: [],
  samples: Array.from({ length: 100 }, (_, n) => ({
    tag: {
      device: 'plc-booster',
      tag: n % 2 === 0 ? 'level' : 'recipe',
      type: n % 2 === 0 ? ('float64' as const) : ('string' as const),
    },
    time: 1_790_000_000_000_001 + n,
    value: n % 2 === 0 ? n + 0.5 : `recipe ${n}`,
    quality: 0 as const,
  })),
};
const letter: DeadLetter = {
  receivedAt: 1_772_323_200_000_001,
  gateway: 'pump-station',
  stage: 'decode',
  code: 'sample/time-out-of-window',
  reason: 'its time lies 17676799 s after its reception: check the clock of the device or gateway',
  topic: 'fieldline.raw',
  partition: 2,
  offset: 4_711,
  positions: [
    [1, 2],
    [7, 7],
  ],
  bytes: gzipSync(encodeBatch(batch, 'none')),
  headers: { topic: 'fieldline/pump-station/batch', qos: '1' },
};

describe('dead-letters', () => {
  let database: TestDatabase;
  let store: Store;
  let query: ReturnType<typeof queryOf>;
  const config = () => configFor(database.url, '/nowhere');
  beforeAll(async () => {
    database = await (await requirePostgres()).createDatabase();
    await migrate(config().database, silentLog);
    store = openStore(config().database, 'test');
    query = queryOf(database.url);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });
  beforeEach(async () => {
    await query('TRUNCATE dead_letter RESTART IDENTITY');
  });

  const write = (...letters: Partial<DeadLetter>[]): Promise<void> =>
    store.inTransaction((session) =>
      writeDeadLetters(
        session,
        letters.map((each) => ({ ...letter, ...each })),
      ),
    );

  async function command(...args: string[]): Promise<string[]> {
    const lines: string[] = [];
    const { signal } = new AbortController();
    const callOf = (name: string): string => `fieldline-ingest ${name} --config ingest.yaml`;
    const parts = { config: config(), clock: systemClock, log: silentLog, signal, callOf };
    await run({ ...parts, args, say: (text) => lines.push(text) });
    return lines;
  }

  describe('list', () => {
    test('counts them by code, then shows the newest, a line each', async () => {
      await write({}, { code: 'batch/malformed', positions: null, gateway: null, reason: 'two\nlines\u001b[31m' }, {});
      await query(`UPDATE dead_letter SET redriven = '{[1,3)}', attempts = 2 WHERE id = 3`);
      await query(`UPDATE dead_letter SET redriven = positions, attempts = 1, redriven_at = now() WHERE id = 1`);
      expect(await command('list')).toEqual([
        'code                       stage   open  redriven  newest received',
        'sample/time-out-of-window  decode     1         1  2026-03-01T00:00:00.000001Z',
        'batch/malformed            decode     1         0  2026-03-01T00:00:00.000001Z',
        '',
        'id  received                     gateway       code                       samples  tries  state  reason',
        '3   2026-03-01T00:00:00.000001Z  pump-station  sample/time-out-of-window  1 of 3   2      open   its time lies 17676799 s after its reception: check the clock of the device or …',
        '2   2026-03-01T00:00:00.000001Z  ?             batch/malformed            record   0      open   two lines [31m',
      ]);
      expect((await command('list', '--state', 'redriven')).at(-1)).toMatch(/^1 .* 0 of 3 +1 +redriven/);
      expect(await command('list', '--code', 'batch/too-large')).toEqual(['no dead letters']);
    });

    test('stays readable in a flood: as many lines as asked for, page by page', async () => {
      await query(`INSERT INTO dead_letter (received_at, gateway, stage, code, reason, topic, bytes, headers)
        SELECT TIMESTAMPTZ '2026-03-01' + n * INTERVAL '1 second', 'gw-' || n % 50, 'decode', 'batch/malformed', repeat('long ', 100), 'fieldline.raw', 'x', '{}'
        FROM generate_series(1, 100000) AS n`);
      const first = await command('list');
      expect(first.length).toBeLessThan(30);
      expect(first[1]).toMatch(/^batch\/malformed +decode +100,000 +0/);
      expect(Math.max(...first.map((line) => line.length))).toBeLessThan(220);
      expect(first.at(-1)).toBe('… older ones: --after 99981');
      const second = await command('list', '--after', '99981', '--limit', '3');
      expect(second.filter((line) => /^\d/.test(line)).map((line) => line.split(' ')[0])).toEqual([
        '99980',
        '99979',
        '99978',
      ]);
      const hour = await command(
        'list',
        '--gateway',
        'gw-7',
        '--from',
        '2026-03-01T01:00:00Z',
        '--to',
        '2026-03-01T02:00:00Z',
      );
      expect(hour[1]).toMatch(/^batch\/malformed +decode +72 /);
    });

    test('is JSON for programs', async () => {
      await write({}, {});
      const { counts, items, next } = JSON.parse((await command('list', '--json', '--limit', '1')).join('\n'));
      expect(counts).toEqual([
        {
          code: 'sample/time-out-of-window',
          stage: 'decode',
          open: 2,
          redriven: 0,
          newest: '2026-03-01T00:00:00.000001Z',
        },
      ]);
      expect(items).toMatchObject([
        {
          id: 2,
          receivedAt: '2026-03-01T00:00:00.000001Z',
          positions: [
            [1, 2],
            [7, 7],
          ],
          redrivenAt: null,
        },
      ]);
      expect(next).toBe(2);
    });
  });

  describe('show', () => {
    test('tells everything of a letter, and of its samples', async () => {
      await write({});
      const lines = await command('show', '1');
      expect(lines.slice(0, 12)).toEqual([
        'id        1',
        'state     open',
        'received  2026-03-01T00:00:00.000001Z',
        'gateway   pump-station',
        'stage     decode',
        'code      sample/time-out-of-window: the time of a sample lies outside the accepted window',
        'reason    its time lies 17676799 s after its reception: check the clock of the device or gateway',
        'came by   fieldline.raw, partition 2, offset 4711',
        'samples   3 of its batch: positions 1-2,7',
        'attempts  none yet',
        'headers   qos=1 topic=fieldline/pump-station/batch',
        expect.stringMatching(/^bytes {5}\d+, [\d,]+ unpacked$/),
      ]);
      expect(lines).toContain('  "stream": "11111111-1111-4111-8111-111111111111",');
      expect(lines).toContain('  "samples": 100');
      expect(lines.slice(-4)).toEqual([
        'position  device/tag          type     time                         value       quality',
        '       1  plc-booster/recipe  string   2026-09-21T14:13:20.000002Z  "recipe 1"  good',
        '       2  plc-booster/level   float64  2026-09-21T14:13:20.000003Z  2.5         good',
        '       7  plc-booster/recipe  string   2026-09-21T14:13:20.000008Z  "recipe 7"  good',
      ]);
      await query(`UPDATE dead_letter SET redriven = '{[1,3)}', attempts = 1, attempted_at = TIMESTAMPTZ '2026-03-02'`);
      const later = await command('show', '1');
      expect(later).toContain('samples   3 of its batch: positions 1-2,7; still dead: position 7');
      expect(later).toContain('attempts  1, the last at 2026-03-02T00:00:00.000000Z');
    });

    test('shows the bytes of what is no JSON, and nothing that a terminal would obey', async () => {
      await write(
        { positions: null, bytes: Buffer.from([0, 255, 0x41, 0x1b]) },
        { positions: null, bytes: Buffer.from('{"v":1,"text":"\u009b31m"}') },
        { positions: null, bytes: Buffer.alloc(700, 7) },
      );
      expect((await command('show', '1')).at(-1)).toBe(`000000  00 ff 41 1b${' '.repeat(36)}  ..A.`);
      expect(await command('show', '2')).toContain('  "text": "·31m"');
      const cut = await command('show', '3');
      expect(cut.at(-1)).toBe('… 188 more bytes: --full shows them');
      expect((await command('show', '3', '--full')).length).toBe(cut.length - 1 + 12);
    });

    test('cuts what is long unless all of it is asked for', async () => {
      await write({ positions: [[0, 99]] });
      const short = await command('show', '1');
      expect(short.at(-1)).toBe('… 50 more samples: --full shows them');
      const full = await command('show', '1', '--full');
      expect(full.at(-1)).toMatch(/^ +99 {2}plc-booster\/recipe/);
    });

    test('gives programs the bytes as they came', async () => {
      await write({});
      const shown = JSON.parse((await command('show', '1', '--json')).join('\n'));
      expect(Buffer.from(shown.bytes, 'base64')).toEqual(letter.bytes);
      expect(shown).toMatchObject({ id: 1, attempts: 0, attemptedAt: null, headers: letter.headers });
    });

    test('says where to look when there is no such letter', async () => {
      await expect(command('show', '17')).rejects.toMatchObject({
        code: 'arguments/unknown',
        message:
          'there is no dead letter 17: `fieldline-ingest dead-letters --config ingest.yaml list --state all` lists them',
      });
    });
  });

  test('letters go when they are older than the settings keep them, however many; younger ones stay', async () => {
    await query(`INSERT INTO dead_letter (received_at, stage, code, reason, topic, bytes, headers, written_at, redriven_at)
      SELECT now(), 'decode', 'batch/malformed', '', '', '', '{}', now() - INTERVAL '91 days', CASE WHEN n % 2 = 0 THEN now() END
      FROM generate_series(1, 12000) AS n`);
    // Backlog that came long ago and was found bad today.
    await write({ receivedAt: 1 }, {});
    expect(await store.withSession((session) => deleteOldLetters(session, config().database, Date.now()))).toBe(12_000);
    expect(await query('SELECT FROM dead_letter')).toHaveLength(2);
  });

  test('is a command of the program', async () => {
    await write({ positions: null, bytes: Buffer.from('{') });
    const file = join(temporaryFolder(), 'ingest.yaml');
    writeFileSync(
      file,
      `mqtt: {broker: 'mqtt://127.0.0.1:1'}\nbackbone: {kind: embedded, folder: log}\ndatabase: {url: '${database.url}'}\n`,
    );
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    const program = promisify(execFile);
    await expect(
      program(process.execPath, [main, 'dead-letters', 'redrive', '--all', '--config', file]),
    ).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^tried 1 letter\n {2}1 still dead by batch\/malformed, the first is 1: /),
      stderr: 'redrive/incomplete: 1 of 1 letter could not be redriven: mend what is said above and try again\n',
    });
    await query('TRUNCATE dead_letter');
    const { stdout } = await program(process.execPath, [main, 'dead-letters', 'redrive', '--all', '--config', file]);
    expect(stdout).toBe('no letter to try\n');
    const wrong = program(process.execPath, [main, 'dead-letters', 'redrive', '--config', file]);
    await expect(wrong).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('which letters? give ids') });
  });

  test.each([
    [[], 'list, show or redrive?'],
    [['delete'], 'there is no dead-letters delete'],
    [['list', '--stage', 'kitchen'], '--stage must be one of bridge, decode, ledger, store'],
    [['list', '--state', 'new'], '--state must be one of open, redriven, all'],
    [['list', '--limit', '0'], '--limit must be from 1 to 2000'],
    [['list', '--from', '2026-03-01T12:00'], '--from must be a time such as'],
    [['list', '--bogus'], "Unknown option '--bogus'"],
    [['list', '17'], 'Unexpected argument'],
    [['show'], 'which letter? give one id'],
    [['show', 'x'], 'the id must be a number such as 17, not x'],
    [['redrive'], 'which letters? give ids, or filters, or --all'],
    [['redrive', '1', '--code', 'batch/malformed'], 'which letters? give ids, or filters, or --all'],
    [['redrive', '1', '2', '--position', '3'], '--position is for one letter'],
    [['redrive', '1', '--position', '4-2'], '--position must be such as 3 or 0-4,7, not 4-2'],
  ])('%j is wrong, and the usage says how it goes', async (args, what) => {
    const failure = command(...args);
    await expect(failure).rejects.toMatchObject({ code: 'arguments/invalid' });
    await expect(failure).rejects.toThrow(what);
    await expect(failure).rejects.toThrow(usage);
  });
});
