import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ahead,
  expiredPartitions,
  missingPartitions,
  type PartitionRange,
  partitionAt,
} from '../../../src/store/maintenance/partition-plan.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const at = (iso: string): number => Date.parse(iso);
const names = (ranges: readonly PartitionRange[]): string[] => ranges.map(({ name }) => name);

describe('partitions', () => {
  test('are made for now and days ahead, each beginning where the one before ends', () => {
    const made = missingPartitions('sample', [], at('2026-11-23T05:00Z'), [], dayMs);
    expect(names(made)[0]).toBe('sample_20261123t0000');
    expect(made).toHaveLength(1 + ahead);
    for (const [n, { fromMs }] of made.slice(1).entries()) expect(fromMs).toBe(made[n]?.toMs);
    expect(missingPartitions('sample', made, at('2026-11-23T23:59Z'), [], dayMs)).toEqual([]);
  });

  test('last for a week without maintenance', () => {
    const made = missingPartitions('sample', [], at('2026-11-23T05:00Z'), [], dayMs);
    expect(made.at(-1)?.toMs).toBeGreaterThan(at('2026-12-01T00:00Z'));
  });

  test('leave no hole behind a longer time without maintenance', () => {
    const old = missingPartitions('sample', [], at('2026-09-01T05:00Z'), [], dayMs);
    const made = missingPartitions('sample', old, at('2026-11-23T05:00Z'), [], dayMs);
    expect(made[0]?.fromMs).toBe(old.at(-1)?.toMs);
    expect(made).toHaveLength(75 + ahead);
  });

  test('are the same in the weeks when clocks change, in leap days and before 1970', () => {
    for (const [time, name] of [
      ['2026-03-29T01:30Z', 'sample_20260329t0000'],
      ['2026-10-25T01:30Z', 'sample_20261025t0000'],
      ['2028-02-29T12:00Z', 'sample_20280229t0000'],
      ['1970-01-01T00:00Z', 'sample_19700101t0000'],
      ['1969-12-31T23:59Z', 'sample_19691231t0000'],
    ] as const) {
      const range = partitionAt('sample', at(time), dayMs);
      expect(range.name).toBe(name);
      expect(range.toMs - range.fromMs).toBe(dayMs);
    }
    expect(partitionAt('sample', 91_600, 1_500).name).toBe('sample_19700101t000131500');
  });

  test('expire when all of them is older than retention', () => {
    const made = missingPartitions('sample', [], at('2026-11-23T05:00Z'), [], dayMs);
    const expired = expiredPartitions(made, at('2026-11-26T00:00Z'), dayMs);
    expect(names(expired)).toEqual(['sample_20261123t0000']);
  });

  test('of any sizes that were ever set never overlap, and give every stray row its place', () => {
    const size = fc.constantFrom(hourMs, 5 * hourMs, dayMs, 36 * hourMs, 7 * dayMs);
    const step = fc.record({
      size,
      laterMs: fc.integer({ min: 0, max: 20 * dayMs }),
      strayMs: fc.array(fc.integer({ min: -40, max: 2 })),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        const existing: PartitionRange[] = [];
        let nowMs = at('2026-11-23T05:00Z');
        for (const { size: chunkMs, laterMs, strayMs } of steps) {
          nowMs += laterMs;
          const stray = strayMs.map((days) => partitionAt('t', nowMs + days * dayMs, chunkMs).fromMs);
          existing.push(...missingPartitions('t', existing, nowMs, stray, chunkMs));
          for (const ms of [...stray, nowMs]) {
            expect(existing.filter(({ fromMs, toMs }) => ms >= fromMs && ms < toMs)).toHaveLength(1);
            expect(
              existing.filter(({ fromMs, toMs }) => ms + chunkMs - 1 >= fromMs && ms + chunkMs - 1 < toMs),
            ).toHaveLength(1);
          }
        }
        const sorted = existing.sort((a, b) => a.fromMs - b.fromMs);
        for (const [n, { fromMs }] of sorted.slice(1).entries())
          expect(fromMs).toBeGreaterThanOrEqual(sorted[n]?.toMs ?? 0);
        expect(new Set(names(existing)).size).toBe(existing.length);
      }),
    );
  });
});
