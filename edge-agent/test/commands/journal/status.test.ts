import { rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { journalStatus } from '../../../src/commands/journal/status.ts';
import { statusJson, statusLines } from '../../../src/commands/journal/status-text.ts';
import { damage } from '../../helpers/damage.ts';
import { imageOf, segmentFiles } from '../../helpers/folder.ts';
import { current, fillJournal, handClock, openJournal, samplesOf, testGateway } from '../../helpers/journal.ts';

const place = (folder: string, maxBytes = 1024 ** 3) => ({
  folder,
  settings: { gateway: testGateway, maxBytes, keepFreeBytes: 0, keepConfirmedForMs: 0 },
});

describe('the status of a journal', () => {
  it('tells what a running agent holds, what of it waits since when, and what is confirmed', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const journal = openJournal(folder, { clock });
    const begun = clock.now();
    const flush = (count: number): void => {
      clock.advanceMs(10_000);
      journal.record(samplesOf(count), 0);
      journal.flush();
    };
    flush(5);
    flush(6);
    journal.confirm(current(journal).stream, [[1, 2]]);
    flush(7);
    const newest = clock.now();
    clock.advanceMs(4_000);
    const status = journalStatus(place(folder), clock.now());
    expect(status).toMatchObject({ agentRuns: true, gateways: [testGateway], troubles: [] });
    expect(status.total).toEqual({
      batches: 4,
      samples: 18,
      sizeBytes: segmentFiles(folder).reduce(
        (sum, file) => sum + statSync(join(folder, file)).size + statSync(join(folder, `${file}-wal`)).size,
        0,
      ),
      unconfirmed: { batches: 2, samples: 13, oldestAt: begun + 20_000_000, newestAt: newest },
      confirmed: { batches: 2, samples: 5 },
    });
    expect(status.streams).toMatchObject([{ stream: current(journal).stream, openedAt: begun, volatile: false }]);
    const lines = statusLines(status).join('\n');
    expect(lines).toContain('an agent runs on it');
    expect(lines).toContain('2 batches, 13 samples');
    expect(lines).toContain(', 14 s ago');
    expect(JSON.parse(statusJson(status))).toMatchObject({ total: { unconfirmed: { oldestAgeMs: 14_000 } } });
    journal.close();
  });

  it('tells the class of each stream, and what arrives in all of them, however seldom in some', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const journal = openJournal(folder, { clock, segmentBytes: 20_000, classes: ['process', 'alarm'] });
    for (let minute = 0; minute < 180; minute++) {
      clock.advanceMs(60_000);
      journal.record(samplesOf(50), 0);
      if (minute % 40 === 0) journal.record(samplesOf(1), 0, 'alarm');
      journal.flush();
    }
    const status = journalStatus(place(folder), clock.now());
    journal.close();
    expect(status.streams.map((stream) => [stream.class, stream.samples])).toEqual([
      ['process', 9_000],
      ['alarm', 5],
    ]);
    const [process] = status.streams;
    expect(statusLines(status).join('\n')).toMatch(/^stream \S+ of class alarm, opened/m);
    // An hour of three, of which process has nearly all.
    expect(status.arrival.bytesPerHour ?? 0).toBeGreaterThan((process?.sizeBytes ?? 0) / 4);
    expect(status.arrival.bytesPerHour ?? 0).toBeLessThan((process?.sizeBytes ?? 0) / 2);
  });

  it('tells older streams apart and sums them, with the losses that their batches declare', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const before = openJournal(folder, { clock });
    before.record(samplesOf(3), 0);
    before.flush();
    const image = imageOf(folder);
    before.close();
    clock.advanceMs(60_000);
    const after = openJournal(image, { clock });
    after.close();
    const status = journalStatus(place(image), clock.now());
    expect(status.streams.map(({ batches, samples }) => [batches, samples])).toEqual([
      [2, 3],
      [1, 0],
    ]);
    expect(status.total).toMatchObject({ batches: 3, samples: 3 });
    expect(status.agentRuns).toBe(false);
    expect(status.declared).toMatchObject([{ kind: 'series', device: null, reason: 'restart', samples: null }]);
    expect(statusLines(status).join('\n')).toMatch(/restart: all devices, 2026-.* to 2026-.*, nobody knows how many/);
  });

  it('tells how long the room lasts at the rate of the last hour, and that it is unknown where nothing arrives', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const journal = openJournal(folder, { clock, segmentBytes: 40_000 });
    for (let minute = 0; minute < 30; minute++) {
      clock.advanceMs(60_000);
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const { total, arrival, hoursLeft, bounds } = journalStatus(place(folder, 2_000_000), clock.now());
    expect(arrival).toMatchObject({ measuredOverMs: 30 * 60_000 });
    const inHalfAnHour = (arrival.bytesPerHour ?? 0) / 2;
    expect(Math.abs(inHalfAnHour / total.sizeBytes - 1)).toBeLessThan(0.2);
    expect(hoursLeft?.by).toBe('maxBytes');
    expect(hoursLeft?.hours).toBeCloseTo((2_000_000 - total.sizeBytes) / (2 * inHalfAnHour), 1);
    expect(bounds?.fullPercent).toBeCloseTo(total.sizeBytes / 20_000, 1);
    clock.advanceMs(61 * 60_000);
    const later = journalStatus(place(folder, 2_000_000), clock.now());
    expect(later.hoursLeft).toBeNull();
    expect(statusLines(later).join('\n')).toContain('unknown: nothing arrived within the last hour');
    journal.close();
  });

  it('tells a file that cannot be read, and counts the others', () => {
    const folder = temporaryFolder();
    for (let start = 0; start < 2; start++) {
      const journal = openJournal(folder);
      journal.record(samplesOf(3), 0);
      journal.flush();
      journal.close();
    }
    const [torn = ''] = segmentFiles(folder);
    truncateSync(join(folder, torn), 700);
    const status = journalStatus(place(folder), handClock().now());
    expect(status.troubles).toMatchObject([
      { file: torn, toDo: expect.stringContaining('the agent sends what can be proven of it') },
    ]);
    expect(status.total).toMatchObject({ batches: 2, samples: 3 });
    openJournal(folder).close();
    const after = journalStatus(place(folder), handClock().now());
    expect(after.troubles).toEqual([]);
    expect(after.setAside).toEqual([{ file: `${torn}.damaged`, sizeBytes: 700, setAsideAt: expect.any(Number) }]);
    expect(statusLines(after).join('\n')).toMatch(/^no trouble any more\n {2}\S+\.damaged: .* dealt with on 20/m);
    const day = new Date().toISOString().slice(0, 10);
    expect(JSON.parse(statusJson(after)).setAside[0].setAsideAt.slice(0, 10)).toBe(day);
  });

  it('tells numbers that are missing and files whose log is gone', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 20_000 });
    for (let round = 0; round < 6; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const killed = imageOf(folder);
    journal.close();
    const said = (): string => statusLines(journalStatus(place(killed), 0)).join('\n');
    expect(said()).toMatch(/every batch is what was written, by its checksum; `journal verify` decodes each as well$/);
    const [, second = '', ...others] = segmentFiles(killed);
    const first = Number(second.split('.')[2]);
    rmSync(join(killed, second));
    expect(journalStatus(place(killed), 0).missing).toMatchObject([
      { stream: current(journal).stream, range: [first, expect.any(Number)], isTrouble: true },
    ]);
    expect(said()).toMatch(
      /^missing\n {2}stream .* neither held nor confirmed nor declared: a file is gone or damaged/m,
    );
    const newest = others.at(-1) ?? '';
    rmSync(join(killed, `${newest}-wal`));
    expect(journalStatus(place(killed), 0).troubles).toMatchObject([
      { file: newest, reason: 'its write-ahead log is gone', isDamaged: true },
    ]);
    expect(said()).not.toContain('every batch is what was written');
  });

  it('tells a bit that flipped in the bytes of a batch, and of a large journal that it did not look', () => {
    const folder = temporaryFolder();
    fillJournal(folder);
    const [file = ''] = segmentFiles(folder);
    damage(join(folder, file), { do: 'flip', at: 0.61, bits: 1 });
    const status = journalStatus(place(folder), 0);
    expect(status.provesBatches).toBe(true);
    expect(status.troubles).toMatchObject([
      { file, reason: expect.stringMatching(/^batch \d+ is not what was written$/) },
    ]);
    expect(status.missing).toHaveLength(1);
    const large = { ...status, troubles: [], missing: [], provesBatches: false };
    expect(statusLines(large).join('\n')).toMatch(
      /heads and numbers of the files .*; `journal verify` proves every batch$/,
    );
  });

  it('tells that the files are those of another gateway', () => {
    const folder = temporaryFolder();
    openJournal(folder).close();
    const settings = { gateway: 'gw-other', maxBytes: 1024 ** 2, keepFreeBytes: 0, keepConfirmedForMs: 0 };
    expect(journalStatus({ folder, settings }, 0).troubles).toMatchObject([
      { reason: `it holds batches of gateway ${testGateway}, not gw-other` },
    ]);
  });

  it('says what it means when the folder is empty, and what to do when it is missing', () => {
    const folder = temporaryFolder();
    expect(statusLines(journalStatus(place(folder), 0)).join('\n')).toContain(
      `there is no journal in ${folder}: no agent has written there yet, somebody has emptied it, or it is not`,
    );
    expect(() => journalStatus(place(join(folder, 'none')), 0)).toThrow(
      /none does not exist: name the one that the settings .* or start the agent/,
    );
  });
});
