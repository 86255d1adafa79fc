import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FolderReader } from '../../../src/journal/reader/folder-reader.ts';
import { contentOf, imageOf, segmentFiles } from '../../helpers/folder.ts';
import { decoded, openJournal, samplesOf } from '../../helpers/journal.ts';

const writer = new URL('../../helpers/journal-writer.ts', import.meta.url).pathname;

afterEach(() => vi.unstubAllEnvs());

/** The batches that can be read, in order; troubles end the test. */
function read(folder: string): { stream: string; seq: number; samples: number }[] {
  const reader = FolderReader.open(folder);
  const batches = (reader?.names ?? []).flatMap(
    (name) =>
      reader?.read(
        name,
        (segment) =>
          [...segment.batches()].map(({ seq, samples, bytes }) => {
            expect(decoded(bytes)).toMatchObject({ stream: name.stream, seq, sent: samples });
            return { stream: name.stream, seq, samples };
          }),
        ({ file, reason }) => {
          throw new Error(`${file}: ${reason}`);
        },
      ) ?? [],
  );
  reader?.close();
  return batches;
}

describe('a reader of a journal folder', () => {
  it('sees what the running journal has flushed, and changes nothing in the folder', () => {
    const folder = temporaryFolder();
    vi.stubEnv('TMPDIR', temporaryFolder());
    const journal = openJournal(folder);
    journal.record(samplesOf(7), 0);
    journal.flush();
    const before = contentOf(folder);
    expect(read(folder).map(({ seq, samples }) => [seq, samples])).toEqual([
      [1, 0],
      [2, 7],
    ]);
    expect(contentOf(folder)).toEqual(before);
    expect(readdirSync(process.env.TMPDIR ?? '')).toEqual([]);
    journal.close();
  });

  it('does not hold up the journal, which seals its file while it is read', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    const reader = FolderReader.open(folder);
    expect(reader?.note().closed).toBe(false);
    journal.close();
    expect(readdirSync(folder).sort()).toEqual([...segmentFiles(folder), 'lock'].sort());
    reader?.close();
  });

  it('sees whole batches without holes, up to the last that was said to be durable, while another process writes on', async () => {
    const folder = temporaryFolder();
    const child = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = 0;
    for await (const line of createInterface(child.stdout)) {
      said = JSON.parse(line).seq;
      if (said % 40 === 0) {
        const seqs = read(folder).map(({ seq }) => seq);
        expect(seqs.find((seq, index) => seq !== index + 1)).toBeUndefined();
        expect(seqs.length).toBeGreaterThanOrEqual(said);
      }
      if (said === 240) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const before = contentOf(folder);
    expect(read(folder).length).toBeGreaterThanOrEqual(said);
    expect(contentOf(folder)).toEqual(before);
  });

  it('says whether an agent runs on the folder', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    expect(FolderReader.open(folder)?.agentRuns).toBe(true);
    expect(FolderReader.open(imageOf(folder))?.agentRuns).toBe(false);
    journal.close();
    expect(FolderReader.open(folder)?.agentRuns).toBe(false);
  });

  it('tells what is torn and reads the rest; what is gone meanwhile is no trouble', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 20_000 });
    for (let round = 0; round < 3; round++) {
      journal.record(samplesOf(2_000), 0);
      journal.flush();
    }
    journal.close();
    const reader = FolderReader.open(folder);
    const [first = '', second = '', third = ''] = segmentFiles(folder);
    truncateSync(join(folder, first), 1_500);
    rmSync(join(folder, second));
    const troubles: string[] = [];
    const lasts = reader?.names.map((name) =>
      reader.read(
        name,
        ({ last }) => last,
        ({ file }) => troubles.push(file),
      ),
    );
    expect(troubles).toEqual([first]);
    expect(lasts?.slice(0, 2)).toEqual([undefined, undefined]);
    expect(lasts?.[2]).toBe(Number(third.split('.')[2]));
    reader?.close();
  });

  it('takes a file whose first commit never came for one that holds nothing', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, `00000001.${crypto.randomUUID()}.1.segment`), '');
    expect(read(folder)).toEqual([]);
  });

  it('gives null for a folder that is not there, and says what to do where a file is named instead', () => {
    const folder = temporaryFolder();
    expect(FolderReader.open(join(folder, 'none'))).toBeNull();
    writeFileSync(join(folder, 'file'), '');
    expect(() => FolderReader.open(join(folder, 'file'))).toThrow(
      expect.objectContaining({
        code: 'journal/unreadable',
        message: expect.stringContaining('name the folder itself'),
      }),
    );
  });
});
