import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { damage } from '../../helpers/damage.ts';
import { segmentFiles } from '../../helpers/folder.ts';
import { current, handClock, openJournal } from '../../helpers/journal.ts';
import { afterKill, at, fast, lastTime, many, noon, open, slow, tagOf, write } from './remembering.ts';

describe('the last sample of a series', () => {
  it('is known after each kill: that of the last flush, or a later one', async () => {
    const writer = new URL('../../helpers/lasts-writer.ts', import.meta.url).pathname;
    const folder = temporaryFolder();
    for (const [run, rounds] of [1, 30, 260, 7].entries()) {
      const child = spawn(process.execPath, [writer, folder, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] });
      const said = new Map<string, number>();
      let lastRound = 0;
      for await (const line of createInterface(child.stdout)) {
        const { round, tags } = JSON.parse(line) as { round: number; tags: string[] };
        for (const tag of tags) said.set(tag, round);
        lastRound = round;
        if (round === rounds) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const journal = open(folder);
      expect(lastRound).toBeGreaterThanOrEqual(rounds);
      for (const [tag, round] of said) {
        const value = journal.lastKept(tagOf(tag))?.value;
        if (value !== round) expect(value).toBe(lastRound + 1);
      }
      journal.close();
    }
  });

  it('is known when its file grows for long, and little is read for it', () => {
    const folder = temporaryFolder();
    const journal = open(folder, { segmentBytes: 64 * 1024 ** 2, maxBytes: 1024 ** 3 });
    write(journal, at(slow, 1));
    for (let round = 1; round <= 20; round++) write(journal, ...many(5_000, round * 10_000));
    expect(segmentFiles(folder)).toHaveLength(1);
    const next = afterKill(folder);
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([1, 204_999]);
    next.close();
    journal.close();
  });

  it('costs files of gateways nothing that remember none', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    write(journal, at(slow, 1));
    expect(journal.lastKept(slow)).toBeNull();
    journal.close();
    const [file = ''] = segmentFiles(folder);
    const database = new Database(join(folder, file), { readonly: true });
    expect(database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'last_samples'").all()).toEqual([]);
    database.close();
  });

  it('takes few bytes: of 10,000 series less than 100 kB in a file', () => {
    const folder = temporaryFolder();
    const journal = open(folder);
    const samples = Array.from({ length: 10_000 }, (_, n) =>
      at(tagOf(`line${n % 7}.machine${n % 90}.value${n}`), n % 1_000, Math.round(Math.random() * 1e5) / 100),
    );
    write(journal, ...samples);
    journal.close();
    const next = open(folder);
    next.close();
    const file = segmentFiles(folder).at(-1) ?? '';
    const database = new Database(join(folder, file), { readonly: true });
    const { size } = database.prepare('SELECT length(bytes) AS size FROM last_samples').get() as { size: number };
    database.close();
    expect(size).toBeGreaterThan(10_000);
    expect(size).toBeLessThan(100_000);
  });

  it('is not one of a clock that stood a day ahead', () => {
    const folder = temporaryFolder();
    const clock = handClock(noon);
    const journal = open(folder, { clock });
    const day = 86_400_000_000;
    write(journal, at(slow, 2 * day), at(fast, day / 2));
    journal.close();
    const next = open(folder, { clock });
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([null, day / 2]);
    next.close();
  });

  it('has no value where the settings have another type for its tag', () => {
    const folder = temporaryFolder();
    const journal = open(folder);
    write(journal, at(slow, 1));
    journal.close();
    const next = open(folder);
    expect(next.lastKept({ ...slow, type: 'string' })).toMatchObject({ time: noon + 1, value: undefined });
    next.close();
  });
});

describe('what was lost and declared', () => {
  const bounded = { segmentBytes: 40_000, maxBytes: 200_000 };

  it('is not known, since its batch was dropped for room: now, and after a kill', () => {
    const folder = temporaryFolder();
    const clock = handClock(noon);
    const journal = open(folder, { ...bounded, clock });
    write(journal, at(slow, 1));
    for (let round = 1; journal.lastKept(slow) !== null && round < 500; round++)
      write(journal, ...many(100, round * 1_000));
    expect(current(journal).held[0]?.[0]).toBeGreaterThan(2);
    expect(journal.lastKept(slow)).toBeNull();
    // A note that knows of the loss: the next start does not find it.
    clock.advanceMs(6_000);
    write(journal, at(fast, 1_000_000));
    const next = afterKill(folder, bounded);
    expect(next.lastKept(slow)).toBeNull();
    expect(lastTime(next, fast)).toBe(lastTime(journal, fast));
    next.close();
    journal.close();
  });

  it('is known though its file is gone, since its batch was confirmed', () => {
    const folder = temporaryFolder();
    const journal = open(folder, bounded);
    write(journal, at(slow, 1));
    const { stream, last } = current(journal);
    for (let round = 1; (current(journal).held[0]?.[0] ?? 0) <= last; round++) {
      journal.confirm(stream, [[1, last]]);
      write(journal, ...many(1_000, round * 1_000));
    }
    const next = afterKill(folder, bounded);
    expect([lastTime(journal, slow), lastTime(next, slow)]).toEqual([1, 1]);
    next.close();
    journal.close();
  });
});

describe('a newest file', () => {
  function threeFiles() {
    const folder = temporaryFolder();
    const journal = open(folder, { segmentBytes: 40_000 });
    write(journal, at(slow, 1));
    for (let round = 1; segmentFiles(folder).length < 3; round++) write(journal, ...many(1_000, round * 1_000));
    const known = lastTime(journal, fast);
    journal.close();
    return { folder, known, files: segmentFiles(folder).map((file) => join(folder, file)) };
  }

  it('whose statement is damaged tells of its batches alone', () => {
    const { folder, known, files } = threeFiles();
    const database = new Database(files.at(-1) ?? '');
    database.exec('UPDATE last_samples SET next = next - 1');
    database.close();
    const next = open(folder);
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([null, known]);
    next.close();
  });

  it('that cannot be read leaves nothing known: what an older one has may not be the last', () => {
    const { folder, files } = threeFiles();
    const newest = files.at(-1) ?? '';
    writeFileSync(newest, Buffer.alloc(readFileSync(newest).length));
    const next = open(folder);
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([null, null]);
    write(next, at(slow, 9));
    expect(lastTime(next, slow)).toBe(9);
    next.close();
  });

  it('that somebody deleted leaves nothing known of its class, where the note of another file knows of it', () => {
    const folder = temporaryFolder();
    const clock = handClock(noon);
    const changes = { clock, classes: ['process', 'alarm'] as const, segmentBytes: 40_000 };
    const journal = open(folder, changes);
    write(journal, at(slow, 1));
    for (let round = 1; segmentFiles(folder).length < 4; round++) write(journal, ...many(1_000, round * 1_000));
    clock.advanceMs(6_000);
    journal.setIncarnation('database-1');
    journal.record([at(fast, 1_000_000)], 0, 'alarm');
    journal.flush();
    journal.close();
    const newest = segmentFiles(folder).findLast((file) => !file.includes('alarm')) ?? '';
    damage(join(folder, newest), { do: 'remove' });
    const next = open(folder, changes);
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([null, 1_000_000]);
    next.close();
  });
});

describe('while the disk takes nothing', () => {
  it('is not known, and is when what waited in memory is on the disk or with the cloud', () => {
    const folder = join(temporaryFolder(), 'journal');
    writeFileSync(folder, 'in the way');
    const clock = handClock(noon);
    const journal = open(folder, { clock });
    write(journal, at(slow, 1));
    const { stream, last } = current(journal);
    write(journal, at(fast, 2));
    expect([lastTime(journal, slow), lastTime(journal, fast)]).toEqual([null, null]);
    journal.confirm(stream, [[1, last]]);
    expect([lastTime(journal, slow), lastTime(journal, fast)]).toEqual([1, null]);
    rmSync(folder);
    clock.advanceMs(60_000);
    journal.flush();
    expect([lastTime(journal, slow), lastTime(journal, fast)]).toEqual([1, 2]);
    const next = afterKill(folder);
    expect([lastTime(next, slow), lastTime(next, fast)]).toEqual([1, 2]);
    next.close();
    journal.close();
  });

  it('is not known of what memory had no room for, nor what was before it', () => {
    const folder = temporaryFolder();
    const clock = handClock(noon);
    const journal = open(folder, { clock, segmentBytes: 10_000, memoryBytes: 60_000 });
    const { stream } = current(journal);
    write(journal, at(slow, 1), ...many(500, 10));
    mkdirSync(join(folder, `00000002.${stream}.3.segment`));
    write(journal, at(slow, 2));
    expect(journal.trouble()).not.toBeNull();
    expect(lastTime(journal, slow)).toBe(1);
    for (let round = 1; round <= 5; round++) write(journal, ...many(1_000, round * 1_000));
    expect(journal.lastKept(slow)).toBeNull();
    journal.close();
  });
});
