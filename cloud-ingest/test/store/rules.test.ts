import type { ValueType } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { periodsOf, type Version } from '../../src/store/periods.ts';
import { type RowSource, rowsOf } from '../../src/store/rows.ts';
import { applyRules, noRules, rulesOf } from '../../src/store/rules.ts';

const always = Number.NEGATIVE_INFINITY;
type Sample = readonly [value: RowSource['value'][number], time?: number, quality?: number];

/** Samples of one series, by what an operator stated of it. */
function stored(
  stated: readonly [from: number, stated: Version['stated']][],
  type: ValueType,
  samples: readonly Sample[],
) {
  const versions = stated.map(
    ([validFrom, each]): Version => ({ validFrom, origin: 'operator', stated: each, released: [] }),
  );
  const source: RowSource = {
    streamNo: 1,
    seq: 1,
    time: samples.map(([, time = 0]) => time),
    value: samples.map(([value]) => value),
    quality: samples.map(([value, , quality]) => quality ?? (value === null ? 201 : 0)),
    tagIndex: samples.map(() => 0),
    seriesIds: [7],
  };
  const rows = applyRules(rowsOf([source]), () => rulesOf(periodsOf(versions), type));
  return samples.map((_, row) => {
    const value = rows.value[row] as number;
    return [rows.text.get(row) ?? (Number.isNaN(value) ? null : value), rows.quality[row]];
  });
}

describe('a row by the rules of the registry', () => {
  test('is stored as value × scale + offset, each by what holds at its time', () => {
    const scaled = stored(
      [
        [100, { scale: 0.5, offset: -10 }],
        [200, { scale: 2 }],
      ],
      'float64',
      [
        [30, 99],
        [30, 100],
        [30, 250],
        [30, 150],
        [30, 0],
      ],
    );
    expect(scaled).toEqual([
      [30, 0],
      [5, 0],
      [50, 0],
      [5, 0],
      [30, 0],
    ]);
  });

  test('keeps its bits where nothing is scaled, whatever the limits', () => {
    const [big, small] = [2n ** 64n - 1n, -(2n ** 53n) - 1n];
    expect(stored([[always, { minimum: 0 }]], 'uint64', [[big], [small]])).toEqual([
      [`${big}`, 0],
      [`${small}`, 103],
    ]);
    expect(stored([[always, { scale: 0.5 }]], 'uint64', [[big]])).toEqual([[2 ** 63, 0]]);
    expect(Object.is(stored([[always, { minimum: -1 }]], 'float64', [[-0]])[0]?.[0], -0)).toBe(true);
  });

  test('is uncertain outside its limits, unless its quality says more already', () => {
    const limits: [number, Version['stated']][] = [[always, { minimum: 0, maximum: 0.3 }]];
    expect(stored(limits, 'float64', [[-1], [0], [0.3], [0.31], [5, 0, 101], [null]])).toEqual([
      [-1, 103],
      [0, 0],
      [0.3, 0],
      [0.31, 103],
      [5, 101],
      [null, 201],
    ]);
  });

  test('may sit on its limit: a rounding is not beyond it', () => {
    expect(stored([[always, { maximum: 0.3 }]], 'float32', [[Math.fround(0.3)]])).toEqual([[Math.fround(0.3), 0]]);
    expect(stored([[always, { maximum: 0.3, scale: 0.1 }]], 'int16', [[3]])).toEqual([[3 * 0.1, 0]]);
    expect(
      stored([[always, { minimum: -0.3 }]], 'float32', [[Math.fround(-0.3)], [-0.3001]]).map(([, quality]) => quality),
    ).toEqual([0, 103]);
  });

  test('is held against its limits after it was scaled', () => {
    expect(stored([[always, { scale: 10, maximum: 100 }]], 'int16', [[10], [11]])).toEqual([
      [100, 0],
      [110, 103],
    ]);
  });

  test('has no value and a reason where its scale makes no finite number of it', () => {
    expect(stored([[always, { scale: 1e300, maximum: 5 }]], 'float64', [[1e300], [1e-300], [-1e300]])).toEqual([
      [null, 211],
      [1, 0],
      [null, 211],
    ]);
    expect(stored([[always, { scale: 1e300 }]], 'uint64', [[2n ** 64n - 1n]])).toEqual([[null, 211]]);
  });

  test('of text or of a flag is no number to scale', () => {
    const all: [number, Version['stated']][] = [[always, { scale: 3, offset: 1, minimum: 7, maximum: 8 }]];
    expect(stored(all, 'bool', [[true], [false]])).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect(stored(all, 'string', [['läuft'], ['5']])).toEqual([
      ['läuft', 0],
      ['5', 0],
    ]);
  });

  test('is not looked at where no series of the transaction has a rule', () => {
    const rows = rowsOf([{ streamNo: 1, seq: 1, time: [1], value: [2], quality: [0], tagIndex: [0], seriesIds: [1] }]);
    expect(applyRules(rows, () => noRules)).toBe(rows);
  });

  test('of many series is changed by the rules of its own', () => {
    const scales = [1, 2, 0.5, 1];
    // As the sum makes it: −0 + 0 is 0.
    const scaled = (value: number, scale = 1): number => (scale === 1 ? value : value * scale + 0);
    const rules = scales.map((scale, n) =>
      rulesOf(periodsOf([{ validFrom: n * 10, origin: 'operator', stated: { scale }, released: [] }]), 'float64'),
    );
    const sample = fc.record({
      tag: fc.nat(3),
      time: fc.nat(50),
      value: fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
        const source: RowSource = {
          streamNo: 1,
          seq: 1,
          time: samples.map(({ time }) => time),
          value: samples.map(({ value }) => value),
          quality: samples.map(() => 0),
          tagIndex: samples.map(({ tag }) => tag),
          seriesIds: [0, 1, 2, 3],
        };
        const rows = applyRules(rowsOf([source]), (seriesId) => rules[seriesId] ?? noRules);
        const expected = samples.map(({ tag, time, value }) => (time >= tag * 10 ? scaled(value, scales[tag]) : value));
        expect([...rows.value]).toEqual(expected);
      }),
    );
  });
});
