import { renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verifyJournal } from '../../../src/commands/journal/verify.ts';
import { rowChecksum } from '../../../src/journal/row-checksum.ts';
import { damage } from '../../helpers/damage.ts';
import { contentOf, imageOf, segmentFiles } from '../../helpers/folder.ts';
import { current, openJournal, samplesOf, testGateway } from '../../helpers/journal.ts';

const verify = (folder: string) => verifyJournal({ folder, settings: null });

/** A journal of one stream in several files, closed. */
function written(flushes: number, changes: Parameters<typeof openJournal>[1] = {}): string {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes: 20_000, ...changes });
  for (let round = 0; round < flushes; round++) {
    journal.record(samplesOf(1_000), 0);
    journal.flush();
  }
  journal.close();
  return folder;
}

const storedRow = z.object({
  seq: z.int(),
  samples_through: z.int(),
  encoded_at: z.int(),
  declared: z.string().nullable(),
  bytes: z.instanceof(Buffer),
});

/** As a defect of the agent would write it, checksums included. */
function edit(folder: string, file: string, sql: string): void {
  const database = new Database(join(folder, file));
  database.unsafeMode(true);
  database.exec(sql);
  const stream = file.split('.')[1] ?? '';
  const change = database.prepare('UPDATE batch SET checksum = ? WHERE seq = ?');
  for (const row of database
    .prepare('SELECT * FROM batch')
    .all()
    .map((found) => storedRow.parse(found))) {
    const { samples_through: samplesThrough, encoded_at: encodedAt, ...rest } = row;
    change.run(rowChecksum(stream, { ...rest, samplesThrough, encodedAt }), row.seq);
  }
  database.close();
}

describe('verifying a journal', () => {
  it('finds nothing wrong with one that runs, was killed or was closed, and changes nothing', async () => {
    const folder = written(4);
    const journal = openJournal(folder, { compression: 'zstd' });
    journal.record(samplesOf(10), 3);
    journal.flush();
    const killed = imageOf(folder);
    const before = contentOf(killed);
    for (const each of [folder, killed]) {
      expect(await verify(each)).toMatchObject({ streams: 2, batches: 7, samples: 4_010, troubles: [], remarks: [] });
    }
    expect(contentOf(killed)).toEqual(before);
    journal.close();
    expect(await verify(folder)).toMatchObject({ batches: 7, troubles: [] });
  });

  it('accepts numbers that were confirmed and let go, or dropped and declared', async () => {
    const folder = written(2);
    const journal = openJournal(folder, { segmentBytes: 20_000, maxBytes: 100_000 });
    for (let round = 0; round < 12; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
      if (round === 5) journal.confirm(current(journal).stream, [[3, 4]]);
    }
    journal.close();
    expect(await verify(folder)).toMatchObject({ troubles: [], remarks: [] });
    expect(current(journal).held[0]?.[0]).toBeGreaterThan(1);
  });

  it('names the batches of a file that somebody deleted', async () => {
    const folder = written(6);
    const [, second = ''] = segmentFiles(folder);
    const first = second.split('.')[2];
    rmSync(join(folder, second));
    expect((await verify(folder)).troubles).toEqual([
      expect.stringMatching(
        new RegExp(`batch(es)? ${first}.* neither held nor confirmed nor declared: a file is gone or damaged`),
      ),
    ]);
    openJournal(folder).close();
    expect((await verify(folder)).troubles).toEqual([]);
  });

  it('names the file whose log somebody deleted', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    journal.record(samplesOf(9), 0);
    journal.flush();
    const killed = imageOf(folder);
    journal.close();
    const [file = ''] = segmentFiles(killed);
    rmSync(join(killed, `${file}-wal`));
    expect((await verify(killed)).troubles[0]).toMatch(
      new RegExp(`^${file}: damaged .nothing in it can be proven; its write-ahead log is gone.: `),
    );
  });

  it('remarks on such batches only, while an agent runs that may not have noted yet what is confirmed', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 16_000 });
    for (let round = 0; round < 4; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const [first = ''] = segmentFiles(folder);
    rmSync(join(folder, first));
    expect(await verify(folder)).toMatchObject({
      troubles: [],
      remarks: [expect.stringContaining('the running agent')],
    });
    journal.close();
    expect((await verify(folder)).troubles).toEqual([expect.stringContaining('a file is gone or damaged')]);
  });

  it('tells a torn file, and what the next start of the agent makes of it', async () => {
    const folder = written(4);
    const [torn = ''] = segmentFiles(folder);
    truncateSync(join(folder, torn), 5_000);
    const { troubles } = await verify(folder);
    expect(troubles[0]).toMatch(
      new RegExp(
        `^${torn}: damaged .*: nothing in it can be proven: the agent sets it aside and declares what it held`,
      ),
    );
    openJournal(folder).close();
    const day = new Date().toISOString().slice(0, 10);
    expect(await verify(folder)).toMatchObject({
      troubles: [],
      remarks: [expect.stringContaining(`${torn}.damaged: set aside as damaged, and dealt with on ${day}T`)],
    });
  });

  it('keeps on telling a file that was set aside where nobody has declared what it held', async () => {
    const folder = written(6);
    const files = segmentFiles(folder);
    const setAside = (file = ''): void => renameSync(join(folder, file), join(folder, `${file}.damaged`));
    const told = (file = '') =>
      expect.stringContaining(
        `${file}.damaged: set aside as damaged, and nobody has declared all that it may have held`,
      );
    setAside(files.at(-1));
    expect(await verify(folder)).toMatchObject({ troubles: [told(files.at(-1))], remarks: [] });
    renameSync(join(folder, `${files.at(-1)}.damaged`), join(folder, files.at(-1) ?? ''));
    setAside(files[1]);
    expect(await verify(folder)).toMatchObject({
      troubles: [told(files[1]), expect.stringContaining('neither held nor confirmed nor declared')],
      remarks: [],
    });
    openJournal(folder).close();
    expect(await verify(folder)).toMatchObject({ troubles: [], remarks: [expect.stringContaining('dealt with on')] });
  });

  it('tells of a damaged file the same as the start of the agent makes of it', async () => {
    const folder = written(8, { segmentBytes: 60_000 });
    const [damaged = ''] = segmentFiles(folder);
    for (const at of [0, 0.5]) damage(join(folder, damaged), { do: 'zero', at, pages: 1 });
    const { troubles, batches } = await verify(folder);
    const journal = openJournal(folder);
    const [stream] = journal.streams();
    const [kept, behind] = stream?.held ?? [];
    const lost = [(kept?.[1] ?? 0) + 1, (behind?.[0] ?? 0) - 1];
    expect(troubles).toEqual([
      expect.stringMatching(
        `^${damaged}: damaged .* the agent sends what can be proven of it .batches 1–${kept?.[1]}, .* declares the rest .${lost[0]}, and what may `,
      ),
      expect.stringContaining(`batch ${lost[0]} is neither held nor confirmed nor declared: a file is gone or damaged`),
    ]);
    expect(lost[0]).toBe(lost[1]);
    expect(batches).toBe(8);
    journal.close();
    expect((await verify(folder)).troubles).toEqual([troubles[0]]);
  });

  it('tells a byte that flipped in the bytes of a batch', async () => {
    const folder = written(1, { segmentBytes: 60_000 });
    const [file = ''] = segmentFiles(folder);
    damage(join(folder, file), { do: 'flip', at: 0.61, bits: 1 });
    expect((await verify(folder)).troubles.join('\n')).toContain('batch 2 is not what was written');
  });

  it('tells a page that SQLite finds wrong', async () => {
    const folder = written(3);
    const [file = ''] = segmentFiles(folder);
    edit(folder, file, "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'declaring'");
    expect((await verify(folder)).troubles).toEqual([expect.stringContaining(`${file}: SQLite says:`)]);
  });

  it.each([
    ['bytes that are no batch', "UPDATE batch SET bytes = x'7b' WHERE seq = 1", 'batch 1: batch/malformed'],
    [
      'the bytes of another batch',
      'UPDATE batch SET bytes = (SELECT bytes FROM batch WHERE seq = 1)',
      'say batch 1 of',
    ],
    ['a count that differs', 'UPDATE batch SET samples_through = 999 WHERE seq = 2', 'the journal counts 999'],
    ['a batch that is missing', 'DELETE FROM batch WHERE seq = 1', 'batch 1 is missing before 2'],
    [
      'other losses than those that the bytes declare',
      `UPDATE batch SET declared = '[{"kind":"series","device":null,"tag":null,"from":1,"to":2,"samples":null,"reason":"restart"}]' WHERE seq = 2`,
      'its bytes declare other losses',
    ],
  ])('tells %s', async (_what, sql, said) => {
    const folder = written(1);
    const [file = ''] = segmentFiles(folder);
    edit(folder, file, sql);
    expect((await verify(folder)).troubles.join('\n')).toContain(said);
  });

  it('tells files of another gateway', async () => {
    const settings = { gateway: 'gw-other', maxBytes: 1024 ** 2, keepFreeBytes: 0, keepConfirmedForMs: 0 };
    expect((await verifyJournal({ folder: written(0), settings })).troubles).toEqual([
      expect.stringContaining(`batches of gateway ${testGateway}, not gw-other`),
    ]);
  });

  it('refuses a folder that is not there, and stops where it is told to', async () => {
    await expect(verify(join(temporaryFolder(), 'none'))).rejects.toMatchObject({ code: 'journal/unreadable' });
    const stopped = AbortSignal.abort(new Error('enough'));
    await expect(verifyJournal({ folder: written(1), settings: null }, stopped)).rejects.toThrow('enough');
  });
});
