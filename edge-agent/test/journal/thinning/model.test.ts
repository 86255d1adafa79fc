import { readFileSync } from 'node:fs';
import type { Declaration, DecodedBatch, Sample, Tag } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyJournal } from '../../../src/commands/journal/verify.ts';
import { openJournal } from '../../helpers/journal.ts';
import { batchesOf, beginThinning, loadSegment, run, samplesIn } from '../../helpers/thinning.ts';

const tags: readonly (Tag & { readonly thinToMs: number | null; readonly value: (n: number) => Sample['value'] })[] = [
  { device: 'plc1', tag: 'level', type: 'float32', thinToMs: 1_000, value: (n) => Math.fround(n / 3) },
  { device: 'plc1', tag: 'pump', type: 'bool', thinToMs: 5_000, value: (n) => n % 2 === 0 },
  { device: 'meter', tag: 'energy', type: 'uint64', thinToMs: 2_000, value: (n) => 2n ** 64n - 1n - BigInt(n) },
  { device: 'meter', tag: 'power', type: 'float64', thinToMs: null, value: (n) => n / 7 },
  { device: 'line', tag: 'mode', type: 'string', thinToMs: null, value: (n) => `mode ${n}` },
];
const thinToMs = (device: string, tag: string): number | null =>
  tags.find((each) => each.device === device && each.tag === tag)?.thinToMs ?? null;

const sample = fc.record({
  tag: fc.nat(tags.length - 1),
  // Mostly on, now and then back: a clock was set.
  afterMs: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 60 }) },
    { weight: 1, arbitrary: fc.integer({ min: -4_000, max: 4_000 }) },
  ),
  quality: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0 as const) },
    { weight: 1, arbitrary: fc.constantFrom(100 as const, 200 as const) },
  ),
});
const flush = fc.record({
  samples: fc.array(sample, { maxLength: 200, size: 'max' }),
  filtered: fc.nat(5),
  missed: fc.option(fc.nat(tags.length - 1)),
});
const flushes = fc.array(flush, { minLength: 1, maxLength: 8, size: 'max' });

type Recorded = { readonly samples: readonly Sample[]; readonly filtered: number; readonly declared: Declaration[] };

function recorded(all: (typeof flush extends fc.Arbitrary<infer F> ? F : never)[]): Recorded[] {
  let time = 1_790_000_000_000_000;
  let count = 0;
  return all.map(({ samples, filtered, missed }) => ({
    filtered,
    declared: missed === null ? [] : [missedIn(tags[missed] as Tag, time)],
    samples: samples.map(({ tag: index, afterMs, quality }): Sample => {
      const { thinToMs: _, value, ...tag } = tags[index] as (typeof tags)[number];
      time += afterMs * 1_000;
      count += 1;
      return { tag, time, value: quality >= 200 ? null : value(count), quality };
    }),
  }));
}

const missedIn = ({ device, tag }: Tag, time: number): Declaration => ({
  kind: 'series',
  device,
  tag,
  from: time,
  to: time + 1,
  samples: 1,
  reason: 'poll-missed',
});

/** The rule in two lines. */
function stay(samples: readonly Sample[]): (sample: Sample) => boolean {
  const kept = new Set<Sample>();
  for (const { device, tag } of tags) {
    const interval = ({ time }: Sample): number => Math.floor(time / (thinToMs(device, tag) ?? 0) / 1_000);
    const own = samples.filter((each) => each.tag.device === device && each.tag.tag === tag);
    for (const [index, each] of own.entries()) {
      const before = own[index - 1];
      const stays =
        thinToMs(device, tag) === null ||
        before === undefined ||
        interval(before) !== interval(each) ||
        before.quality !== each.quality;
      if (stays) kept.add(each);
    }
  }
  return (each) => kept.has(each);
}

const thinnedOf = ({ declared }: DecodedBatch) => declared.filter(({ reason }) => reason === 'thinned');

it('keeps what the rule keeps, declares the rest, and changes nothing else', async () => {
  let thinned = 0;
  await fc.assert(
    fc.asyncProperty(flushes, fc.constantFrom('none' as const, 'zstd' as const), async (all, compression) => {
      const folder = temporaryFolder();
      const journal = openJournal(folder, { compression });
      const given = recorded(all);
      for (const { samples, filtered, declared } of given) {
        journal.record(samples, filtered);
        for (const each of declared) journal.declare(each);
        journal.flush();
      }
      journal.close();
      const segment = loadSegment(folder);
      const { last, lastAt, head, samples: samplesBefore } = segment;
      const [file, note, before] = [readFileSync(segment.file), segment.note(), batchesOf(segment)];
      const job = beginThinning({ segment, thinToMs, encoding: { compression, maxBatchBytes: 100_000 } });
      const { state } = await run(job, 0);
      const everything = given.flatMap(({ samples }) => samples);
      const stays = stay(everything);
      const taken = everything.filter((each) => !stays(each));
      expect(['done', 'nothing-to-gain']).toContain(state);
      expect(job.taken).toBe(taken.length);
      if (state === 'nothing-to-gain') {
        expect(readFileSync(segment.file).equals(file)).toBe(true);
        return;
      }
      thinned += 1;
      expect(job.finish()).toBe(true);
      expect(segment.sizeBytes()).toBeLessThanOrEqual(file.length * 0.9);

      const after = batchesOf(segment);
      expect(after.map(samplesIn)).toEqual(keptIn(before, given, stays));
      const again = loadSegment(folder);
      expect(batchesOf(again)).toEqual(after);
      expect(again.note()).toBe(note);
      for (const one of [segment, again]) {
        expect(one).toMatchObject({ last, lastAt, head, samples: samplesBefore - taken.length, sealed: true });
      }
      for (const [index, batch] of after.entries()) {
        const { seq, read, filtered, previous, declared } = before[index] as DecodedBatch;
        expect(batch).toMatchObject({ seq, read, filtered, volatile: false });
        expect(batch.previous).toEqual(previous);
        expect(batch.declared.slice(0, declared.length)).toEqual(declared);
      }
      balances(after);
      declaresExactly(after.flatMap(thinnedOf), taken, everything);
      for (const one of [segment, again]) one.close();
      expect(await verifyJournal({ folder, settings: null })).toMatchObject({ troubles: [], batches: after.length });
    }),
    { numRuns: 40, seed: 7 },
  );
  expect(thinned).toBeGreaterThan(10);
});

/** The batches may be cut otherwise than the flushes: the samples come in the same order. */
function keptIn(before: readonly DecodedBatch[], given: readonly Recorded[], stays: (sample: Sample) => boolean) {
  const everything = given.flatMap(({ samples }) => samples);
  let at = 0;
  return before.map(({ sent }) => {
    const own = everything.slice(at, at + sent);
    at += sent;
    return own.filter(stays);
  });
}

function balances(batches: readonly DecodedBatch[]): void {
  let accounted = 0;
  for (const batch of batches) {
    accounted += batch.sent + thinnedOf(batch).reduce((sum, { samples }) => sum + (samples ?? 0), 0);
    expect(batch.read - batch.filtered - (batch.thinned ?? 0)).toBe(accounted);
  }
  expect(batches.at(-1)?.thinned ?? 0).toBe(0);
}

function declaresExactly(declared: readonly Declaration[], taken: readonly Sample[], all: readonly Sample[]): void {
  const of = (samples: readonly Sample[], device: string | null, tag: string | null): Sample[] =>
    samples.filter((each) => each.tag.device === device && (tag === null || each.tag.tag === tag));
  for (const each of declared) {
    if (each.kind !== 'series') throw new Error('batches were declared');
    const own = of(taken, each.device, each.tag);
    const times = own.map(({ time }) => time);
    expect(each).toMatchObject({ samples: own.length, from: Math.min(...times), to: Math.max(...times) });
    if (each.tag !== null) continue;
    for (const { tag } of of(all, each.device, null)) expect(of(taken, each.device, tag.tag)).not.toEqual([]);
  }
  expect(declared.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(taken.length);
  const names = declared.map((each) => (each.kind === 'series' ? `${each.device}/${each.tag}` : ''));
  expect(new Set(names).size).toBe(names.length);
}
