/** A gateway without a clock of its own: what it reads before somebody sets its clock. */
import { readdirSync } from 'node:fs';
import type { DecodedBatch, Micros, Sample } from '@fieldline/shared/contracts';
import { qualityCode } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { journalStatus } from '../../src/commands/journal/status.ts';
import { statusLines } from '../../src/commands/journal/status-text.ts';
import { verifyJournal } from '../../src/commands/journal/verify.ts';
import { Recorder } from '../../src/journal/recorder.ts';
import { imageOf } from '../helpers/folder.ts';
import { allBatches, journalOptions, numberTag } from '../helpers/journal.ts';

const second = 1_000_000;
const trueTime = Date.UTC(2026, 10, 27) * 1_000;

/** The true time runs; the clock shows it once it is set, and before that the time since the boot. */
function gateway() {
  const state = { now: trueTime, bootedAt: trueTime - 7 * second, boot: 1, isSet: false };
  const micros = (): number => state.now - state.bootedAt;
  const clock = {
    now: (): Micros => (state.isSet ? state.now : micros()),
    monotonicMs: (): number => micros() / 1_000,
  };
  return {
    state,
    clock,
    boot: () => ({ id: `00000000-0000-4000-8000-${String(state.boot).padStart(12, '0')}`, micros }),
    pass: (seconds: number): void => {
      state.now += seconds * second;
    },
    reboot: (): void => {
      state.now += 60 * second;
      state.bootedAt = state.now - 5 * second;
      state.boot += 1;
      state.isSet = false;
    },
  };
}

type Gateway = ReturnType<typeof gateway>;

const open = (folder: string, { clock, boot }: Gateway): Recorder =>
  Recorder.open({ ...journalOptions(folder), clock, boot: boot(), classes: ['process', 'alarm'] });

let counter = 0;
/** One sample, whose value is told apart from all others. Gives it with its true time. */
function read(recorder: Recorder, { clock, state }: Gateway, tagClass: 'process' | 'alarm' = 'process'): Sample {
  const value = counter++;
  recorder.record([{ tag: numberTag, time: clock.now(), value, quality: 0 }], 2, tagClass);
  return { tag: numberTag, time: state.now, value, quality: 0 };
}

const samplesIn = (batches: readonly DecodedBatch[]) =>
  batches.flatMap(({ time, value, quality }) =>
    time.map((at, index) => ({ time: at, value: Number(value[index]), quality: quality[index] ?? 0 })),
  );

async function settle(recorder: Recorder): Promise<void> {
  for (let flush = 0; flush < 30; flush++) await recorder.flush();
}

const undatedFiles = (folder: string): string[] => readdirSync(folder).filter((file) => file.includes('undated'));

describe('a boot without the time', () => {
  it('sends nothing of it before the clock is set, and all of it with its true times afterwards', async () => {
    const [folder, site] = [temporaryFolder(), gateway()];
    const recorder = open(folder, site);
    const given: Sample[] = [];
    for (let n = 0; n < 20; n++) {
      site.pass(1);
      given.push(read(recorder, site, n % 5 === 0 ? 'alarm' : 'process'));
      expect(await recorder.flush()).toEqual([]);
    }
    expect(recorder.note()).toContain('20 samples wait');
    const waiting = journalStatus({ folder, settings: null }, site.state.now);
    expect(waiting.undated).toHaveLength(1);
    expect(statusLines(waiting).join()).toMatch(/KiB of samples in 1 file wait for the clock to be set/);
    const { remarks, troubles } = await verifyJournal({ folder, settings: null });
    expect([remarks.length, troubles]).toEqual([1, []]);
    expect(remarks[0]).toMatch(/undated: .* wait in it for the clock to be set/);
    site.state.isSet = true;
    site.pass(1);
    given.push(read(recorder, site));
    await settle(recorder);
    const found = samplesIn(allBatches(recorder.journal));
    expect(found.map(({ value }) => value).toSorted((a, b) => a - b)).toEqual(given.map(({ value }) => value));
    for (const { time, value, quality } of found) {
      expect(Math.abs(time - (given.find((sample) => sample.value === value)?.time ?? 0))).toBeLessThanOrEqual(1);
      expect(quality).toBe(0);
    }
    const last = new Map(allBatches(recorder.journal).map((batch) => [batch.class ?? 'process', batch]));
    expect([last.get('process')?.read, last.get('alarm')?.read]).toEqual([17 * 3, 4 * 3]);
    expect(allBatches(recorder.journal).flatMap(({ declared }) => declared)).toEqual([]);
    expect(recorder.note()).toBeNull();
    expect(undatedFiles(folder)).toEqual([]);
    recorder.close();
  });

  it('declares what a kill before it has lost when the time has come, from the last batch to its own beginning', async () => {
    const [folder, site] = [temporaryFolder(), gateway()];
    site.state.isSet = true;
    const before = open(folder, site);
    read(before, site);
    await settle(before);
    const lastBatch = site.state.now;
    const image = imageOf(folder);
    before.close();
    site.reboot();
    const begun = site.state.now;
    const recorder = open(image, site);
    read(recorder, site);
    await settle(recorder);
    expect(allBatches(recorder.journal).flatMap(({ declared }) => declared)).toEqual([]);
    site.pass(30);
    site.state.isSet = true;
    await settle(recorder);
    const declared = allBatches(recorder.journal).flatMap((batch) => batch.declared);
    expect(declared).toEqual([
      { kind: 'series', device: null, tag: null, from: lastBatch, to: begun, samples: null, reason: 'restart' },
    ]);
    recorder.close();
  });

  it('goes to the journal also where its classes are no longer in use', async () => {
    const [folder, site] = [temporaryFolder(), gateway()];
    const before = open(folder, site);
    const given = read(before, site, 'alarm');
    before.close();
    site.state.isSet = true;
    const after = Recorder.open({ ...journalOptions(folder), clock: site.clock, boot: site.boot() });
    await settle(after);
    const batches = allBatches(after.journal).filter(({ sent }) => sent > 0);
    expect(batches.map((batch) => [batch.class, Number(batch.value[0])])).toEqual([[undefined, given.value]]);
    after.close();
  });

  it('whose time never came is sent as uncertain, as late as it can have been', async () => {
    const [folder, site] = [temporaryFolder(), gateway()];
    const before = open(folder, site);
    const sample = read(before, site);
    before.close();
    site.reboot();
    site.state.isSet = true;
    const after = open(folder, site);
    await settle(after);
    const [found] = samplesIn(allBatches(after.journal));
    expect(found).toMatchObject({ value: sample.value, quality: qualityCode('uncertain/clock') });
    expect(found?.time).toBeGreaterThanOrEqual(sample.time);
    expect(found?.time).toBeLessThan(site.state.bootedAt);
    after.close();
  });
});

it('declares what a kill has lost after the clock was set back, at the times that the lost samples had', async () => {
  const [folder, site] = [temporaryFolder(), gateway()];
  site.state.isSet = true;
  const before = open(folder, site);
  read(before, site);
  await settle(before);
  site.state.now -= 3_600 * second;
  site.state.bootedAt -= 3_600 * second;
  site.pass(2);
  const lost = read(before, site);
  const image = imageOf(folder);
  before.close();
  site.pass(1);
  const after = open(image, site);
  const [declared] = allBatches(after.journal).flatMap((batch) => batch.declared);
  expect(declared).toMatchObject({ reason: 'restart', to: site.state.now });
  expect(declared?.from).toBeLessThanOrEqual(lost.time);
  expect(declared?.from).toBeGreaterThan(lost.time - 10 * second);
  after.close();
});

it('gives each value once, however often it is killed and booted before and while the time comes', async () => {
  const step = fc.constantFrom('read', 'read', 'read', 'flush', 'flush', 'kill', 'set', 'reboot');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const site = gateway();
      let folder = temporaryFolder();
      let recorder = open(folder, site);
      const flushed: number[] = [];
      const all: number[] = [];
      let pending: number[] = [];
      const flush = async (): Promise<void> => {
        await recorder.flush();
        flushed.push(...pending);
        pending = [];
      };
      const kill = (): void => {
        const image = imageOf(folder);
        recorder.close();
        folder = image;
        pending = [];
      };
      for (const [index, what] of steps.entries()) {
        site.pass(1);
        if (what === 'read') {
          const { value } = read(recorder, site, index % 3 === 0 ? 'alarm' : 'process');
          pending.push(Number(value));
          all.push(Number(value));
        } else if (what === 'flush') await flush();
        else if (what === 'set') site.state.isSet = true;
        else {
          kill();
          if (what === 'reboot') site.reboot();
          recorder = open(folder, site);
        }
      }
      site.state.isSet = true;
      site.pass(1);
      await flush();
      await settle(recorder);
      const values = samplesIn(allBatches(recorder.journal)).map(({ value }) => value);
      expect(new Set(values).size).toBe(values.length);
      expect(flushed.filter((value) => !values.includes(value))).toEqual([]);
      expect(values.filter((value) => !all.includes(value))).toEqual([]);
      expect(undatedFiles(folder)).toEqual([]);
      recorder.close();
    }),
    { numRuns: 60 },
  );
}, 120_000);
