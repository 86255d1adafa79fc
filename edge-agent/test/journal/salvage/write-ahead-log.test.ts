import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import { hidesCommits } from '../../../src/journal/salvage/hidden-commits.ts';
import { Salvaged } from '../../../src/journal/salvage/salvaged.ts';
import { createDatabase } from '../../../src/journal/segment-database.ts';
import { parseSegmentFile, type SegmentName, segmentFile } from '../../../src/journal/segment-name.ts';
import { SpareLog } from '../../../src/journal/spare-log.ts';
import { damage } from '../../helpers/damage.ts';
import { imageOf, segmentFiles } from '../../helpers/folder.ts';
import { current, handClock, openJournal, samplesOf } from '../../helpers/journal.ts';

type Found = { readonly file: string; readonly log: string; readonly name: SegmentName };

function newestIn(folder: string): Found {
  const file = segmentFiles(folder).at(-1) ?? '';
  const name = parseSegmentFile(file) ?? { number: 0, stream: '', first: 0, class: 'process' as const };
  return { file: join(folder, file), log: join(folder, `${file}-wal`), name };
}

/** The segment of a killed agent; after about a megabyte SQLite begins its log anew, over what was there. */
function killedAfter(flushes: number): Found {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes: 64 * 1024 ** 2 });
  for (let flush = 0; flush < flushes; flush++) {
    journal.record(samplesOf(500), 0);
    journal.flush();
  }
  const image = imageOf(folder);
  journal.close();
  return newestIn(image);
}

const hides = ({ file, name }: Found): boolean => hidesCommits(file, name);

it.each([1, 30, 400])('hides nothing as a kill leaves it, after %i flushes', (flushes) => {
  expect(hides(killedAfter(flushes))).toBe(false);
});

it('hides nothing where its end is cut off, wherever', () => {
  const found = killedAfter(10);
  for (let size = statSync(found.log).size; size > 32; size = Math.floor(size * 0.9)) {
    truncateSync(found.log, size);
    expect(hides(found)).toBe(false);
  }
});

it.each([0.0001, 0.01, 0.3, 0.6])('hides what was committed behind a flipped byte (%d)', (at) => {
  const found = killedAfter(30);
  damage(found.log, { do: 'flip', at, bits: 4 });
  expect(hides(found)).toBe(true);
});

it('hides what was committed behind zeros at its beginning', () => {
  const found = killedAfter(30);
  damage(found.log, { do: 'zero', at: 0, pages: 1 });
  expect(hides(found)).toBe(true);
});

it('hides what was committed behind a commit that is zeros', () => {
  const found = killedAfter(30);
  const bytes = readFileSync(found.log);
  const ends = Array.from({ length: (bytes.length - 32) / (24 + 512) }, (_, frame) => 32 + frame * (24 + 512))
    .filter((offset) => bytes.readUInt32BE(offset + 4) !== 0)
    .map((offset) => offset + 24 + 512);
  writeFileSync(found.log, bytes.fill(0, ends.at(-4), ends.at(-3)));
  expect(hides(found)).toBe(true);
  const salvaged = Salvaged.of(found.file, found.name);
  expect(salvaged?.held).toEqual([
    [1, 28],
    [30, 31],
  ]);
  salvaged?.close();
});

it('hides nothing where it is not there', () => {
  const file = join(temporaryFolder(), 'none');
  expect(hidesCommits(file, { number: 1, stream: crypto.randomUUID(), first: 1, class: 'process' })).toBe(false);
});

describe('a log that was taken over', () => {
  const segmentMs = 3_000;

  /** Confirms all but the newest two batches, until there is a spare log, or a segment that goes on with it. */
  function write(
    folder: string,
    until: 'kept' | 'taken over',
  ): { readonly journal: Journal; readonly flush: () => void } {
    const clock = handClock();
    const journal = openJournal(folder, { clock, maxAgeMs: 4 * segmentMs });
    const flush = (): void => {
      clock.advanceMs(1_000);
      journal.record(samplesOf(300), 0);
      const [{ stream, seq } = { stream: '', seq: 0 }] = journal.flush();
      if (seq > 2) journal.confirm(stream, [[1, seq - 2]]);
    };
    const isKept = (): boolean => readdirSync(folder).includes('spare-log');
    while (!isKept()) flush();
    while (until === 'taken over' && isKept()) flush();
    return { journal, flush };
  }

  it('hides nothing before the first commit, and holds no batch of the segment that had it', () => {
    const folder = temporaryFolder();
    const { journal } = write(folder, 'kept');
    const { stream, held } = current(journal);
    const name = { number: 1_000, stream, first: (held.at(-1)?.[1] ?? 0) + 1, class: 'process' as const };
    const file = join(folder, segmentFile(name));
    const database = createDatabase(file, new SpareLog(folder, 1024 ** 2));
    const image = imageOf(folder);
    database.close();
    const found = newestIn(image);
    expect(readFileSync(found.log).subarray(0, 32)).toEqual(Buffer.alloc(32));
    expect(statSync(found.log).size).toBeGreaterThan(10_000);
    expect(hides(found)).toBe(false);
    expect(Salvaged.of(found.file, found.name)).toBeNull();
    const after = openJournal(image);
    expect(after.streams().find((one) => one.stream === stream)?.held).toEqual(held);
    after.close();
    journal.close();
  });

  it.each(['header', 'header and first frame'])('gives what this segment has where its %s are zeros', (what) => {
    const folder = temporaryFolder();
    const { journal, flush } = write(folder, 'taken over');
    flush();
    const found = newestIn(imageOf(folder));
    const last = current(journal).held.at(-1)?.[1] ?? 0;
    const bytes = readFileSync(found.log);
    writeFileSync(found.log, bytes.fill(0, 0, what === 'header' ? 32 : 32 + 24 + 512));
    expect(hides(found)).toBe(true);
    const salvaged = Salvaged.of(found.file, found.name);
    expect(salvaged?.held).toEqual([[found.name.first, last]]);
    salvaged?.close();
    journal.close();
  });

  it('hides nothing where a power cut left a frame of the former segment within the last commit', () => {
    const folder = temporaryFolder();
    const { journal, flush } = write(folder, 'taken over');
    let before = readFileSync(newestIn(imageOf(folder)).log);
    flush();
    let found = newestIn(imageOf(folder));
    if (statSync(found.log).size !== before.length) {
      before = readFileSync(found.log);
      flush();
      found = newestIn(imageOf(folder));
    }
    const after = readFileSync(found.log);
    expect(after.length).toBe(before.length);
    const stride = 24 + 512;
    const frameOf = (bytes: Buffer, frame: number): Buffer =>
      bytes.subarray(32 + frame * stride, 32 + (frame + 1) * stride);
    const changed = (frame: number): boolean => !frameOf(after, frame).equals(frameOf(before, frame));
    const first = Array.from({ length: Math.floor((after.length - 32) / stride) }, (_, n) => n).find(changed) ?? 0;
    for (let frames = 1; frames <= 4; frames++) {
      const torn = Buffer.from(after);
      before.copy(torn, 32 + first * stride, 32 + first * stride, 32 + (first + frames) * stride);
      writeFileSync(found.log, torn);
      expect(hides(found)).toBe(false);
    }
    journal.close();
  });
});
