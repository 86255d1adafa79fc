import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Sample } from '@fieldline/shared/contracts';
import { describeWith, mountedDisk, temporaryFolder } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { rowChecksum } from '../../../src/journal/row-checksum.ts';
import { logOf } from '../../../src/journal/segment-files.ts';
import { ThinningJob } from '../../../src/journal/thinning/thinning-job.ts';
import { damage } from '../../helpers/damage.ts';
import { allBatches, openJournal } from '../../helpers/journal.ts';
import { smallDisk } from '../../helpers/small-disk.ts';
import {
  batchesOf,
  beginThinning,
  encoding,
  loadSegment,
  numberTags,
  plant,
  run,
  samplesIn,
  thinnedFile,
  writeJournal,
} from '../../helpers/thinning.ts';

const plc = numberTags('plc1', 20);

/** A folder with one segment. */
function folderWith(flushes = 60, tags = plc): string {
  const folder = temporaryFolder();
  writeJournal(folder, plant(tags, flushes));
  return folder;
}

describe('a segment of 16 MB', () => {
  it('is thinned a few batches at a time, and keeps its numbers and times', async () => {
    const folder = temporaryFolder();
    writeJournal(folder, plant(numberTags('plc1', 2_600), 180));
    const segment = loadSegment(folder);
    expect(segment.sizeBytes()).toBeGreaterThan(16 * 1024 ** 2);
    const { last, lastAt, samples } = segment;
    // A clock that goes on by a millisecond whenever it is asked: once at the beginning of a step, and after each batch.
    let asked = 0;
    const job = beginThinning({ segment, nowMs: () => asked++ });
    const perStep: number[] = [];
    let state: string;
    do {
      const before = asked;
      state = job.step(4);
      perStep.push(asked - before - 1);
      await new Promise((resolve) => setImmediate(resolve));
    } while (state === 'more');
    expect(state).toBe('done');
    expect(Math.max(...perStep)).toBe(4);
    // Each is looked at, and then written.
    expect(perStep.reduce((sum, batches) => sum + batches)).toBe(2 * last);
    expect(job.finish()).toBe(true);
    expect(loadSegment(folder)).toMatchObject({ last, lastAt, sealed: true, samples: samples - job.taken });
    expect(segment.sizeBytes()).toBeLessThan(2 * 1024 ** 2);
  });
});

describe('a thinned segment', () => {
  it('is the one that its journal goes on with, and is never thinned for nothing', async () => {
    const folder = folderWith();
    const segment = loadSegment(folder);
    const before = batchesOf(segment).length;
    const job = beginThinning({ segment });
    expect(await run(job)).toMatchObject({ state: 'done' });
    expect(job.extraBytes).toBe(statSync(thinnedFile(folder)).size);
    expect([job.finish(), job.finish(), job.step(1)]).toEqual([true, false, 'done']);
    job.abort();
    expect([segment.isInPlace, existsSync(thinnedFile(folder))]).toEqual([true, false]);
    const again = beginThinning({ segment });
    expect(await run(again)).toMatchObject({ state: 'nothing-to-gain' });
    expect(again.taken).toBe(0);
    segment.close();
    const journal = openJournal(folder);
    expect(allBatches(journal).length).toBeGreaterThan(before);
    journal.close();
  });

  it('can be thinned once more where the settings allow more, with what was declared before', async () => {
    const folder = folderWith(120);
    const segment = loadSegment(folder);
    const everything = segment.samples;
    for (const everyMs of [2_000, 30_000]) {
      const job = beginThinning({ segment, thinToMs: () => everyMs });
      expect(await run(job)).toMatchObject({ state: 'done' });
      expect(job.finish()).toBe(true);
    }
    const declared = batchesOf(segment).flatMap((batch) => batch.declared);
    expect(declared).toMatchObject([
      { device: 'plc1', tag: null, reason: 'thinned' },
      { device: 'plc1', tag: null, reason: 'thinned' },
    ]);
    const taken = declared.reduce((sum, { samples }) => sum + (samples ?? 0), 0);
    expect(segment.samples + taken).toBe(everything);
    let accounted = 0;
    for (const batch of batchesOf(segment)) {
      accounted += batch.sent + batch.declared.reduce((sum, { samples }) => sum + (samples ?? 0), 0);
      expect(batch.read - batch.filtered - (batch.thinned ?? 0)).toBe(accounted);
    }
  });

  it('declares in fewer words what its last batch has no room for', async () => {
    const tags = [...numberTags('plc1', 30), ...numberTags('plc2', 30)];
    const thinToMs = (_: string, tag: string): number | null => (tag === 'tag-0' ? null : 60_000);
    const declaredWith = async (maxBatchBytes: number) => {
      const segment = loadSegment(folderWith(60, tags));
      const job = beginThinning({ segment, thinToMs, encoding: { compression: 'none', maxBatchBytes } });
      const { state } = await run(job);
      return state === 'done' && job.finish() ? batchesOf(segment).at(-1)?.declared : job.reason;
    };
    expect(await declaredWith(100_000)).toHaveLength(58);
    expect(await declaredWith(4_000)).toMatchObject([
      { device: 'plc1', tag: null, samples: 29 * 59 },
      { device: 'plc2', tag: null, samples: 29 * 59 },
    ]);
    expect(await declaredWith(300)).toMatch(/^batch \d+ has no room/);
  });
});

describe('a segment that cannot be thinned', () => {
  it('is one that is written, salvaged or gone', () => {
    const begun = (segment: Parameters<typeof ThinningJob.begin>[0]['segment']) =>
      ThinningJob.begin({ segment, encoding, thinToMs: () => 10_000 });
    const segment = loadSegment(folderWith());
    writeFileSync(logOf(segment.file), 'of whatever');
    expect(begun(segment)).toBeNull();
    rmSync(logOf(segment.file));
    expect(begun(segment)).not.toBeNull();
    segment.salvage();
    expect(begun(segment)).toBeNull();
    const gone = loadSegment(folderWith());
    rmSync(gone.file);
    expect(begun(gone)).toBeNull();
  });

  it('stays where it is gone, or was found to be damaged, before the end', async () => {
    const folder = folderWith();
    const segment = loadSegment(folder);
    const job = beginThinning({ segment });
    expect(job.finish()).toBe(false);
    await run(job);
    rmSync(segment.file);
    expect(job.finish()).toBe(false);
    expect([existsSync(segment.file), existsSync(thinnedFile(folder))]).toEqual([false, false]);
    const other = loadSegment(folderWith());
    const late = beginThinning({ segment: other });
    await run(late);
    other.salvage();
    expect([late.finish(), other.isInPlace]).toEqual([false, true]);
  });

  it('stays when the job is aborted, whenever that is', async () => {
    const folder = folderWith();
    const bytes = readFileSync(loadSegment(folder).file);
    for (const steps of [0, 30, 90]) {
      const job = beginThinning({ segment: loadSegment(folder) });
      for (let step = 0; step < steps; step++) job.step(0);
      job.abort();
      expect([job.step(5), job.finish()]).toEqual(['failed', false]);
    }
    const whileForced = beginThinning({ segment: loadSegment(folder) });
    whileForced.step(Number.POSITIVE_INFINITY);
    whileForced.abort();
    expect((await run(whileForced)).state).toBe('failed');
    expect(readFileSync(loadSegment(folder).file).equals(bytes)).toBe(true);
    expect(existsSync(thinnedFile(folder))).toBe(false);
  });

  it('stays where too little would be won', async () => {
    const folder = folderWith();
    const segment = loadSegment(folder);
    const bytes = readFileSync(segment.file);
    for (const thinned of [1, 2]) {
      const job = beginThinning({
        segment,
        thinToMs: (_, tag) => (Number(tag.slice('tag-'.length)) < thinned ? 10_000 : null),
      });
      expect(await run(job)).toMatchObject({ state: 'nothing-to-gain' });
      expect(job.finish()).toBe(false);
    }
    expect(readFileSync(segment.file).equals(bytes)).toBe(true);
    expect(existsSync(thinnedFile(folder))).toBe(false);
  });

  it('stays where a batch is damaged', async () => {
    const folder = folderWith();
    const segment = loadSegment(folder);
    damage(segment.file, { do: 'zero', at: 0.5, pages: 2 });
    const job = beginThinning({ segment });
    expect(await run(job)).toMatchObject({ state: 'failed' });
    expect(job.reason).toMatch(/batch \d+/);
    expect([segment.isInPlace, existsSync(thinnedFile(folder))]).toEqual([true, false]);
  });

  it('stays where a batch has a sample that cannot be stored', async () => {
    const folder = folderWith();
    const segment = loadSegment(folder);
    const [batch, row] = [batchesOf(segment)[5], segment.read(6)];
    if (batch === undefined || row === null) throw new Error('there is no such batch');
    const text = row.bytes.toString();
    const bytes = Buffer.from(text.replace(/"x":\[[^,]+,/, '"x":["no number",'));
    expect(bytes.toString()).not.toBe(text);
    segment.close();
    const database = new Database(segment.file);
    const [samplesThrough, encodedAt] = database
      .prepare('SELECT samples_through, encoded_at FROM batch WHERE seq = 6')
      .raw()
      .get() as [number, number];
    const checksum = rowChecksum(segment.name.stream, { seq: 6, samplesThrough, encodedAt, declared: null, bytes });
    database.prepare('UPDATE batch SET bytes = ?, checksum = ? WHERE seq = 6').run(bytes, checksum);
    database.close();
    const job = beginThinning({ segment });
    expect(await run(job)).toMatchObject({ state: 'failed' });
    expect(job.reason).toContain('batch 6: plc1/tag-0: the value does not fit float64');
    expect(existsSync(thinnedFile(folder))).toBe(false);
  });
});

describeWith(mountedDisk, 'a disk without room for a second file', () => {
  it('leaves the segment as it is, and no rest of the other', async () => {
    const disk = smallDisk();
    writeJournal(disk.folder, plant(numberTags('plc1', 400), 60));
    const segment = loadSegment(disk.folder);
    const before = batchesOf(segment).map(samplesIn);
    disk.fill();
    const job = beginThinning({ segment, thinToMs: (): number => 1_000 });
    expect(await run(job)).toMatchObject({ state: 'failed' });
    expect(job.reason).toMatch(/full|no space/i);
    expect(existsSync(thinnedFile(disk.folder))).toBe(false);
    expect(batchesOf(segment).map(samplesIn)).toEqual(before satisfies Sample[][]);
    disk.makeRoom();
    const again = beginThinning({ segment });
    expect(await run(again)).toMatchObject({ state: 'done' });
    expect(again.finish()).toBe(true);
  });
});
