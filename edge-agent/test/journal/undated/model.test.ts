import { qualityCode, type Sample, type Tag, type TagClass } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { UndatedLog } from '../../../src/journal/undated/undated-log.ts';
import { imageOf } from '../../helpers/folder.ts';
import { ClocklessGateway, openUndated, TakingJournal } from '../../helpers/undated.ts';

const kinds: readonly { tag: Tag; tagClass: TagClass; value: (count: number) => Sample['value'] }[] = [
  { tag: { device: 'plc1', tag: 'door', type: 'string' }, tagClass: 'alarm', value: (count) => `"${count}\\ é` },
  {
    tag: { device: 'plc1', tag: 'total', type: 'uint64' },
    tagClass: 'process',
    value: (n) => 2n ** 64n - 1n - BigInt(n),
  },
  { tag: { device: 'plc2', tag: 'level', type: 'float64' }, tagClass: 'debug', value: (count) => count / 3 },
];

const steps = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('record' as const),
        kind: fc.nat(2),
        samples: fc.nat(30),
        filtered: fc.nat(3),
        everyMicros: fc.integer({ min: 0, max: 100_000 }),
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('step' as const), wallAtBoot: fc.integer({ min: 0, max: 10 ** 15 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), isKilled: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reboot' as const), isKilled: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('time' as const),
        chunks: fc.nat(3),
        mostSamples: fc.integer({ min: 1, max: 60 }),
        /** The journal has the last chunk, and the kill comes before it is told so. */
        isHalfDone: fc.boolean(),
        /** Something sets the clock back to 1970 before the next start. */
        isUnsetAgain: fc.boolean(),
      }),
    },
  ),
  { maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** What was recorded: which boot, and when in truth. */
type Recorded = { readonly boot: string; readonly kind: number; readonly at: number; readonly value: Sample['value'] };

class World {
  readonly gateway = new ClocklessGateway();
  readonly journal = new TakingJournal();
  readonly flushed: Recorded[] = [];
  readonly unflushed: Recorded[] = [];
  readonly timedBoots = new Set<string>();
  readonly unsetAgain = new Set<string>();
  filtered = 0;
  private pending: Recorded[] = [];
  private pendingFiltered = 0;
  private count = 0;
  private folder = temporaryFolder();
  private log: UndatedLog;
  private readonly maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.log = this.opened();
  }

  run(step: Step): void {
    if (step.do === 'record') this.record(step);
    else if (step.do === 'flush') this.flush();
    else if (step.do === 'step') this.gateway.wallAtBoot = step.wallAtBoot;
    else if (step.do === 'end') this.reopen(step.isKilled);
    else if (step.do === 'reboot') this.reopen(step.isKilled, true);
    else this.time(step);
  }

  /** Time comes in the last boot, and stays. */
  end(): void {
    this.timeComes();
    this.journal.takeAll(this.log);
    expect(this.log.next(1)).toBeNull();
    expect(this.log.samples).toBe(0);
    expect(this.log.sizeBytes()).toBe(0);
    this.log.close();
  }

  private opened(): UndatedLog {
    const { positions } = this.journal;
    return openUndated(this.folder, this.gateway, { maxBytes: this.maxBytes, positions });
  }

  private record({ kind, samples, filtered, everyMicros }: Extract<Step, { do: 'record' }>): void {
    const known = kinds[kind];
    if (known === undefined || this.gateway.isSet) return;
    const made = Array.from({ length: samples }, (): Sample => {
      this.gateway.now += everyMicros;
      this.count += 1;
      const sample = { tag: known.tag, time: this.gateway.clock.now(), value: known.value(this.count), quality: 0 };
      this.pending.push({ boot: this.gateway.boot.id, kind, at: this.gateway.now, value: sample.value });
      return sample;
    });
    this.log.record(known.tagClass, made, filtered);
    this.pendingFiltered += filtered;
  }

  private flush(): void {
    if (this.gateway.isSet) return;
    this.log.flush();
    if (this.pending.length > 0) this.written();
  }

  private written(): void {
    this.flushed.push(...this.pending);
    this.filtered += this.pendingFiltered;
    this.pending = [];
    this.pendingFiltered = 0;
  }

  private reopen(isKilled: boolean, isReboot = false): void {
    // A copy of the folder while it is open is what a kill leaves.
    const image = isKilled ? imageOf(this.folder) : this.folder;
    this.log.close();
    if (!isKilled) this.written();
    this.unflushed.push(...this.pending);
    this.pending = [];
    this.pendingFiltered = 0;
    this.folder = image;
    this.gateway.now += 1_000_000;
    if (isReboot) this.gateway.reboot();
    this.log = this.opened();
  }

  private timeComes(): void {
    this.gateway.isSet = true;
    this.timedBoots.add(this.gateway.boot.id);
    this.log.timeCame();
    this.written();
  }

  private time({ chunks, mostSamples, isHalfDone, isUnsetAgain }: Extract<Step, { do: 'time' }>): void {
    this.timeComes();
    for (let taken = 0; taken < chunks; taken++) {
      const chunk = this.log.next(mostSamples);
      if (chunk === null) return;
      this.journal.take(this.log, chunk);
      if (!(isHalfDone && taken === chunks - 1)) this.log.done(chunk);
    }
    this.reopen(true);
    if (isUnsetAgain) {
      this.gateway.isSet = false;
      this.unsetAgain.add(this.gateway.boot.id);
    } else this.log.timeCame();
  }
}

it('gives every sample once and in order, or counts it; with its true time where its boot had one', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(1024 ** 3, 5_000), (sequence, maxBytes) => {
      const world = new World(maxBytes);
      for (const step of sequence) world.run(step);
      world.end();
      expect(world.journal.filtered).toBe(world.filtered);
      for (const kind of kinds.keys()) agrees(world, kind);
      countsAgree(world, maxBytes);
      restartsAgree(world);
    }),
    { numRuns: 50, endOnFailure: true },
  );
});

function agrees({ journal, flushed, timedBoots, unsetAgain }: World, kind: number): void {
  const given = journal.samples.filter(({ tag }) => tag.tag === kinds[kind]?.tag.tag);
  const recorded = flushed.filter((one) => one.kind === kind);
  const byValue = new Map(recorded.map((one) => [one.value, one]));
  const found = given.map(({ value }) => byValue.get(value));
  expect(found).not.toContain(undefined);
  expect(new Set(found).size).toBe(given.length);
  const places = found.map((one) => (one === undefined ? -1 : recorded.indexOf(one)));
  expect(places).toEqual(places.toSorted((left, right) => left - right));
  // Without holes: what is missing of a boot are its oldest, and what was left where time came too late for it.
  for (const boot of new Set(found.map((one) => one?.boot))) {
    const ofBoot = places.filter((_, index) => found[index]?.boot === boot);
    if (unsetAgain.has(boot ?? '')) continue;
    expect((ofBoot.at(-1) ?? 0) - (ofBoot.at(0) ?? 0)).toBe(ofBoot.length - 1);
  }
  for (const [index, sample] of given.entries()) {
    const truth = found[index];
    const before = given[index - 1];
    if (truth === undefined) continue;
    const isSure = sample.quality === 0;
    if (isSure) expect(sample.time).toBe(truth.at);
    else expect(sample.quality).toBe(qualityCode('uncertain/clock'));
    // Where all was through before the clock was set back, nobody knows the time of the boot any more.
    if (!unsetAgain.has(truth.boot)) expect(isSure).toBe(timedBoots.has(truth.boot));
    if (before === undefined) continue;
    expect(sample.time).toBeGreaterThanOrEqual(before.time);
    if (found[index - 1]?.boot === truth.boot && before.quality === sample.quality)
      expect(sample.time - before.time).toBe(truth.at - (found[index - 1]?.at ?? 0));
  }
}

function countsAgree({ journal, flushed }: World, maxBytes: number): void {
  const dropped = journal.declared.filter(({ reason }) => reason === 'disk-bound');
  const lost = dropped.reduce((sum, { samples }) => sum + (samples ?? Number.NaN), 0);
  expect(journal.samples.length + lost).toBe(flushed.length);
  if (maxBytes > 1024 ** 2) expect(dropped).toEqual([]);
  expect(journal.declared.filter(({ reason }) => reason !== 'disk-bound' && reason !== 'restart')).toEqual([]);
}

/** What was read and not written before a kill. */
function restartsAgree({ journal, unflushed, timedBoots, unsetAgain }: World): void {
  const restarts = journal.declared.filter((one) => one.kind === 'series' && one.reason === 'restart');
  for (const { at, boot } of unflushed) {
    if (timedBoots.has(boot) && !unsetAgain.has(boot))
      expect(restarts.some(({ from, to }) => from <= at && at <= to)).toBe(true);
  }
}
