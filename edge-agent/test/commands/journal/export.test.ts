import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Batch, isoOf, qualityCode, type Sample, type ValueType } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { type ExportOptions, exportJournal } from '../../../src/commands/journal/export.ts';
import { damage } from '../../helpers/damage.ts';
import { segmentFiles } from '../../helpers/folder.ts';
import { current, fillJournal, openJournal, samplesOf, testGateway } from '../../helpers/journal.ts';

const time = 1_790_000_000_123_456;

const exportOf = (folder: string, out: string, changes: Partial<ExportOptions> = {}) =>
  exportJournal({
    folder,
    out,
    format: 'ndjson',
    from: null,
    to: null,
    stream: null,
    signal: new AbortController().signal,
    ...changes,
  });

const sample = (type: ValueType, value: Batch['samples'][number]['value'], quality = 0): Sample => ({
  tag: { device: 'plc1', tag: `a-${type}`, type },
  time,
  value,
  quality,
});

function journalOf(samples: readonly Sample[], changes: Parameters<typeof openJournal>[1] = {}): string {
  const folder = temporaryFolder();
  const journal = openJournal(folder, changes);
  journal.record(samples, 0);
  journal.flush();
  journal.close();
  return folder;
}

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const kinds = [
  sample('int64', -(2n ** 63n)),
  sample('uint64', 2n ** 64n - 1n),
  sample('int64', 2n ** 53n + 1n),
  sample('int64', 7n),
  sample('float64', 0.1),
  sample('bool', false),
  sample('string', 'say "no", then\nwait'),
  sample('float32', null, qualityCode('bad/timeout')),
  sample('uint16', 3, qualityCode('uncertain/clock')),
];

describe('an export of a journal', () => {
  it('has every sample as a line of JSON: integers with all their digits, microseconds, the reason of a bad one', async () => {
    const out = join(temporaryFolder(), 'all.ndjson');
    const folder = journalOf(kinds, { compression: 'zstd' });
    expect(await exportOf(folder, out)).toMatchObject({ files: [out], batches: 2, samples: kinds.length, missing: [] });
    const exported = lines(out);
    expect(exported.map(({ value }) => value)).toEqual([
      '-9223372036854775808',
      '18446744073709551615',
      '9007199254740993',
      '7',
      0.1,
      false,
      'say "no", then\nwait',
      null,
      3,
    ]);
    expect(exported[7]).toEqual({
      gateway: testGateway,
      device: 'plc1',
      tag: 'a-float32',
      type: 'float32',
      time: isoOf(time),
      value: null,
      quality: 'bad/timeout',
      stream: expect.any(String),
      seq: 2,
    });
    expect(exported[8]).toMatchObject({ quality: 'uncertain/clock' });
    expect(isoOf(time)).toMatch(/123456Z$/);
  });

  it('has the same as CSV that a spreadsheet reads', async () => {
    const out = join(temporaryFolder(), 'all.csv');
    await exportOf(journalOf(kinds), out, { format: 'csv' });
    const text = readFileSync(out, 'utf8');
    expect(text).toMatch(/^gateway,device,tag,type,time,value,quality,stream,seq\r\n/);
    expect(text).toContain(`plc1,a-uint64,uint64,${isoOf(time)},18446744073709551615,good,`);
    expect(text).toContain(`plc1,a-string,string,${isoOf(time)},"say ""no"", then\nwait",good,`);
    expect(text).toContain(`plc1,a-float32,float32,${isoOf(time)},,bad/timeout,`);
    expect(text.endsWith('\r\n')).toBe(true);
  });

  it('takes samples of a range of time, its end not included', async () => {
    const out = join(temporaryFolder(), 'some.ndjson');
    const samples = samplesOf(10);
    await exportOf(journalOf(samples), out, { from: samples[3]?.time ?? 0, to: samples[6]?.time ?? 0 });
    expect(lines(out).map(({ value }) => value)).toEqual([3, 4, 5]);
  });

  it('has also what a running journal has flushed, and one stream where that is asked for', async () => {
    const folder = journalOf(samplesOf(3));
    const journal = openJournal(folder);
    journal.record(samplesOf(4), 0);
    journal.flush();
    const { stream } = current(journal);
    const out = temporaryFolder();
    expect(await exportOf(folder, join(out, 'all'))).toMatchObject({ samples: 7 });
    expect(await exportOf(folder, join(out, 'one'), { stream: stream.slice(0, 13) })).toMatchObject({ samples: 4 });
    expect(new Set(lines(join(out, 'one')).map((line) => line.stream))).toEqual(new Set([stream]));
    await expect(exportOf(folder, join(out, 'none'), { stream: 'ffff-' })).rejects.toMatchObject({
      code: 'arguments/unknown',
      message: expect.stringContaining(stream),
    });
    expect(readdirSync(out).sort()).toEqual(['all', 'one']);
    journal.close();
  });

  it('gives a folder a file per stream', async () => {
    const folder = journalOf(samplesOf(3));
    openJournal(folder).close();
    const out = temporaryFolder();
    const { files } = await exportOf(folder, out, { format: 'csv' });
    expect(files).toHaveLength(2);
    expect(readdirSync(out).map((file) => join(out, file))).toEqual(files.toSorted());
    expect(files[0]).toContain(`/${testGateway}.`);
  });

  it('gives what can be read of a torn file, all of the others, and says what is missing', async () => {
    const folder = temporaryFolder();
    fillJournal(folder);
    const [torn = ''] = segmentFiles(folder);
    const page = Buffer.from(readFileSync(join(folder, torn)));
    writeFileSync(join(folder, torn), page.fill(0xff, page.length - 3 * 1_024));
    const out = join(temporaryFolder(), 'rest');
    const { samples, missing } = await exportOf(folder, out);
    expect(missing).toEqual([
      expect.stringMatching(new RegExp(`^${torn}: .*: its batches 1–(\\d+) are given; not \\d+$`)),
      expect.stringContaining('neither held nor confirmed nor declared'),
    ]);
    expect(samples).toBeGreaterThanOrEqual(3_000);
    expect(samples).toBeLessThan(8_000);
    expect(lines(out)).toHaveLength(samples);
    truncateSync(join(folder, torn), 100);
    expect((await exportOf(folder, out)).missing).toEqual([
      expect.stringContaining('none of its batches can be given'),
      expect.stringContaining('neither held nor confirmed nor declared'),
    ]);
    rmSync(join(folder, torn));
    expect((await exportOf(folder, out)).missing).toEqual([expect.stringMatching(/: batches 1–\d+ are neither held/)]);
  });

  it('says of a damaged file that all of it is given, where it is', async () => {
    const folder = temporaryFolder();
    fillJournal(folder);
    const [first = ''] = segmentFiles(folder);
    damage(join(folder, first), { do: 'zero', at: 0, pages: 1 });
    const exported = await exportOf(folder, join(temporaryFolder(), 'all'));
    expect(exported).toMatchObject({ batches: 9, samples: 8_000, missing: [] });
    expect(exported.remarks).toEqual([
      expect.stringMatching(new RegExp(`^${first}: .*: all of its batches .1–\\d+. are given all the same$`)),
    ]);
  });

  it('leaves nothing behind, and an older export as it was, where it is stopped or cannot be written', async () => {
    const folder = journalOf(samplesOf(3));
    const out = temporaryFolder();
    const file = join(out, 'kept');
    writeFileSync(file, 'older');
    await expect(exportOf(folder, file, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'export/incomplete',
      message: expect.stringContaining('stopped'),
    });
    expect(readdirSync(out)).toEqual(['kept']);
    expect(readFileSync(file, 'utf8')).toBe('older');
    mkdirSync(join(out, 'sub'));
    await expect(exportOf(folder, join(out, 'no', 'such', 'folder'))).rejects.toMatchObject({
      code: 'export/incomplete',
      message: expect.stringMatching(/cannot be written: there is no such file or folder: .*--out/),
    });
  });

  it('is empty for a journal without samples, and refuses a folder that has none or is not there', async () => {
    const out = join(temporaryFolder(), 'empty');
    const folder = temporaryFolder();
    await expect(exportOf(folder, out)).rejects.toMatchObject({ code: 'journal/unreadable' });
    openJournal(folder).close();
    expect(await exportOf(folder, out)).toMatchObject({ files: [out], samples: 0, missing: [] });
    expect(readFileSync(out, 'utf8')).toBe('');
    await expect(exportOf(join(temporaryFolder(), 'none'), out)).rejects.toMatchObject({ code: 'journal/unreadable' });
  });
});
