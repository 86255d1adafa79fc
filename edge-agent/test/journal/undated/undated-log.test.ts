import { cpSync, readdirSync, renameSync } from 'node:fs';
import { qualityCode, type Sample, type Tag } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import type { UndatedLog } from '../../../src/journal/undated/undated-log.ts';
import { imageOf } from '../../helpers/folder.ts';
import { ClocklessGateway, openUndated, TakingJournal } from '../../helpers/undated.ts';

const tag: Tag = { device: 'plc1', tag: 'level', type: 'float64' };
const sampleAt = (time: number, value = 1, quality = 0): Sample => ({ tag, time, value, quality });

/** One sample, stamped and recorded now. */
function recordOne(log: UndatedLog, gateway: ClocklessGateway, value = 1, quality = 0): void {
  log.record('process', [{ tag, time: gateway.clock.now(), value: quality < 200 ? value : null, quality }], 0);
}

function afterTime(log: UndatedLog, gateway: ClocklessGateway): TakingJournal {
  gateway.isSet = true;
  log.timeCame();
  const journal = new TakingJournal();
  journal.takeAll(log);
  return journal;
}

it('gives a sample its true time though the clock was stepped between its stamp and its record', () => {
  const gateway = new ClocklessGateway();
  const log = openUndated(temporaryFolder(), gateway);
  recordOne(log, gateway);
  const stamped = gateway.clock.now();
  const truth = gateway.now;
  gateway.now += 40_000;
  gateway.wallAtBoot += 86_400_000_000;
  log.record('process', [sampleAt(stamped), sampleAt(gateway.clock.now())], 0);
  const { samples } = afterTime(log, gateway);
  expect(samples.map(({ time }) => time)).toEqual([truth, truth, truth + 40_000]);
});

it('dates a sample that was stamped before time came and is given after it', () => {
  const gateway = new ClocklessGateway();
  const log = openUndated(temporaryFolder(), gateway);
  recordOne(log, gateway);
  const late = sampleAt(gateway.clock.now() + 30_000);
  const truth = gateway.now + 30_000;
  gateway.now += 50_000;
  log.record('process', [], 0);
  afterTime(log, gateway);
  gateway.now += 700_000;
  const known = sampleAt(gateway.now);
  const ofNoClockOfOurs = sampleAt(gateway.wallAtBoot + 9_000_000_000);
  expect(log.date([late, known, ofNoClockOfOurs])).toEqual([{ ...late, time: truth }, known, ofNoClockOfOurs]);
});

it('leaves a time that a server knew, and takes the arrival for one that no clock of ours can have given', () => {
  const gateway = new ClocklessGateway();
  const log = openUndated(temporaryFolder(), gateway);
  gateway.now += 5_000_000;
  const ofServer = 1_789_999_000_000_000;
  log.record('process', [sampleAt(ofServer), sampleAt(1_000), sampleAt(gateway.clock.now() + 3_600_000_000)], 0);
  const arrival = gateway.now;
  const { samples } = afterTime(log, gateway);
  expect(samples.map(({ time, quality }) => [time, quality])).toEqual([
    [ofServer, 0],
    [arrival, qualityCode('uncertain/clock')],
    [arrival, qualityCode('uncertain/clock')],
  ]);
});

it('places boots that never knew the time before the next, keeps their distances, and calls them uncertain', () => {
  const gateway = new ClocklessGateway();
  const folder = temporaryFolder();
  for (const value of [1, 2]) {
    const log = openUndated(folder, gateway);
    recordOne(log, gateway, value);
    gateway.now += 3_000_000;
    recordOne(log, gateway, value, qualityCode('bad/timeout'));
    log.record('process', [sampleAt(1_789_000_000_000_000 + value)], 0);
    log.close();
    gateway.reboot();
  }
  const begun = gateway.begunAt;
  const journal = afterTime(openUndated(folder, gateway), gateway);
  // The first boot was up for 3 s when it ended, the second for 2 s and 3 s.
  const [second, first] = [begun - 1 - 5_000_000, begun - 1 - 5_000_000 - 1 - 3_000_000];
  const [clock, bad] = [qualityCode('uncertain/clock'), qualityCode('bad/timeout')];
  expect(journal.samples.map(({ time, quality }) => [time, quality])).toEqual([
    [first, clock],
    [first + 3_000_000, bad],
    [1_789_000_000_000_001, 0],
    [second + 2_000_000, clock],
    [second + 5_000_000, bad],
    [1_789_000_000_000_002, 0],
  ]);
  expect(journal.declared).toEqual([]);
});

it('declares what was read between the last flush before a kill and the next start, and nothing after an orderly end', () => {
  const gateway = new ClocklessGateway();
  let folder = temporaryFolder();
  const first = openUndated(folder, gateway);
  recordOne(first, gateway);
  gateway.now += 500_000;
  first.flush();
  const flushedAt = gateway.now;
  folder = imageOf(folder);
  first.close();
  gateway.now += 4_000_000;
  const startedAt = gateway.now;
  const second = openUndated(folder, gateway);
  gateway.now += 1_000_000;
  recordOne(second, gateway);
  second.close();
  gateway.now += 1_000_000;
  const journal = afterTime(openUndated(folder, gateway), gateway);
  const restart = { kind: 'series', device: null, tag: null, samples: null, reason: 'restart' };
  expect(journal.declared).toEqual([{ ...restart, from: flushedAt, to: startedAt }]);
  expect(journal.samples).toHaveLength(2);
});

it.each([
  { isReboot: false, next: 'a start with the time' },
  { isReboot: true, next: 'a boot with the time' },
])('declares what was read between the last flush before a kill and $next', ({ isReboot }) => {
  const gateway = new ClocklessGateway();
  const folder = temporaryFolder();
  const log = openUndated(folder, gateway);
  recordOne(log, gateway);
  gateway.now += 500_000;
  log.flush();
  const flushedAt = isReboot ? gateway.now + 10_000_000 - 1 : gateway.now;
  const image = imageOf(folder);
  log.close();
  if (isReboot) gateway.reboot();
  else gateway.now += 4_000_000;
  const startedAt = gateway.now;
  const { declared } = afterTime(openUndated(image, gateway), gateway);
  const restart = { kind: 'series', device: null, tag: null, samples: null, reason: 'restart' };
  expect(declared).toEqual([{ ...restart, from: flushedAt, to: startedAt }]);
});

it('says when the first process began of which something waits', () => {
  const gateway = new ClocklessGateway();
  gateway.now += 7_000_000;
  const log = openUndated(temporaryFolder(), gateway);
  const startedAt = gateway.now;
  gateway.now += 1_000_000;
  recordOne(log, gateway);
  expect(log.begunAt).toBeNull();
  gateway.isSet = true;
  log.timeCame();
  expect(log.begunAt).toBe(startedAt);
});

it('declares with true times what drivers declared before there was time', () => {
  const gateway = new ClocklessGateway();
  const log = openUndated(temporaryFolder(), gateway);
  recordOne(log, gateway);
  const missed = { kind: 'series', device: 'plc1', tag: null, samples: 3, reason: 'poll-missed' } as const;
  for (let round = 0; round < 2; round++) {
    const from = gateway.clock.now();
    gateway.now += 2_000_000;
    log.declare('process', { ...missed, from, to: gateway.clock.now() });
    log.flush();
  }
  const end = gateway.now;
  expect(afterTime(log, gateway).declared).toEqual([{ ...missed, from: end - 4_000_000, to: end, samples: 6 }]);
});

it('drops the oldest of the lowest class at the bound', () => {
  const gateway = new ClocklessGateway();
  const log = openUndated(temporaryFolder(), gateway, { maxBytes: 20_000 });
  for (let round = 0; round < 100; round++) {
    gateway.now += 500_000;
    const time = gateway.clock.now();
    if (round < 5) log.record('alarm', [sampleAt(time, round)], 0);
    log.record('debug', [sampleAt(time, round)], 1);
    log.flush();
  }
  expect(log.sizeBytes()).toBeLessThan(25_000);
  const journal = afterTime(log, gateway);
  expect(journal.samplesOf.get('alarm')?.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]);
  const kept = journal.samplesOf.get('debug')?.map(({ value }) => value) ?? [];
  expect(kept.length).toBeGreaterThan(5);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 100 - kept.length + index));
  expect(journal.declared).toEqual([
    {
      ...{ kind: 'series', device: null, tag: null, reason: 'disk-bound', samples: 100 - kept.length },
      ...{ from: gateway.begunAt + 500_000, to: gateway.begunAt + (100 - kept.length) * 500_000 },
    },
  ]);
  expect(journal.filtered).toBe(100);
});

it('lets files of earlier boots go first, and does not give them again when it is killed before they are gone', () => {
  const gateway = new ClocklessGateway();
  const folder = temporaryFolder();
  const before = openUndated(folder, gateway);
  recordOne(before, gateway, 1);
  before.close();
  const copy = imageOf(folder);
  gateway.reboot();
  const log = openUndated(folder, gateway, { maxBytes: 5_000 });
  for (let round = 0; round < 3; round++) {
    recordOne(log, gateway, 2);
    log.flush();
  }
  log.close();
  cpSync(copy, folder, { recursive: true });
  const journal = afterTime(openUndated(folder, gateway), gateway);
  expect(journal.samples.map(({ value }) => value)).toEqual([2, 2, 2]);
  expect(journal.declared).toMatchObject([{ reason: 'disk-bound', samples: 1, to: gateway.begunAt }]);
  expect(readdirSync(folder)).toEqual([]);
});

it('keeps in memory what the disk does not take, and writes it when it does', () => {
  const gateway = new ClocklessGateway();
  const folder = temporaryFolder();
  const log = openUndated(folder, gateway, { memoryBytes: 2_000 });
  recordOne(log, gateway, 0);
  log.flush();
  renameSync(folder, `${folder}.away`);
  for (let round = 1; round <= 30; round++) {
    gateway.now += 500_000;
    recordOne(log, gateway, round);
    log.flush();
  }
  expect(log.trouble()).toMatch(/cannot be written .* make room/);
  renameSync(`${folder}.away`, folder);
  gateway.now += 60_000_000;
  log.flush();
  expect(log.trouble()).toBeNull();
  const image = imageOf(folder);
  log.close();
  gateway.now += 1_000_000;
  const { samples, declared } = afterTime(openUndated(image, gateway), gateway);
  expect(declared.map(({ reason }) => reason).toSorted()).toEqual(['memory-bound', 'restart']);
  const lost = declared.find(({ reason }) => reason === 'memory-bound');
  expect(samples.length + (lost?.samples ?? 0)).toBe(31);
  expect(samples.at(0)?.value).toBe(0);
  expect(samples.at(-1)?.value).toBe(30);
});
