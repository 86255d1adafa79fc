import { lossReasons } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';
import { axisLabels } from '../../page/axis-labels.js';
import { curveOfSamples, curveOfSummaries, numberOf, shownRange } from '../../page/curve.js';
import { formatAge, formatCount, formatLargeCount, formatSpan, formatValue } from '../../page/format.js';
import { lineHealth } from '../../page/health.js';
import { declarationEntry } from '../../page/losses-view.js';

const thin = '\u2009';

test.each([
  [0.123456, 'float32', '0.123'],
  [12.3456, 'float32', '12.35'],
  [123.456, 'float64', '123.5'],
  [-1234.5, 'float64', `-1${thin}235`],
  [0.000012, 'float64', '1.200e-5'],
  [65535, 'uint16', `65${thin}535`],
  ['18446744073709551615', 'uint64', ['18', '446', '744', '073', '709', '551', '615'].join(thin)],
  ['-9223372036854775808', 'int64', ['-9', '223', '372', '036', '854', '775', '808'].join(thin)],
  [true, 'bool', 'on'],
  ['Recipe 12000', 'string', 'Recipe 12000'],
  [null, 'float32', '—'],
])('the value %j of type %s reads %j', (value, type, text) => {
  expect(formatValue(value, type)).toBe(text);
});

test('counts have thin spaces, and large ones say millions', () => {
  expect(formatCount(1_234_567)).toBe(`1${thin}234${thin}567`);
  expect(formatLargeCount(99_999_999)).toBe(`99${thin}999${thin}999`);
  expect(formatLargeCount(1_234_567_890)).toBe(`1${thin}234.6${thin}M`);
});

test('a declared loss says how many, which, of which class and why, and a reason of tomorrow stands for itself', () => {
  const loss = { id: 1, gateway: 'gw', declaredAt: '2026-03-01T00:00:00Z', samples: 1_000, stream: null };
  const batches = { kind: 'batches', fromSeq: 4, toSeq: 9, device: null, tag: null, fromTime: null, toTime: null };
  const textOf = (reason: string) => declarationEntry({ ...loss, ...batches, class: 'debug', reason }).text;
  const what = `1${thin}000 samples: batches 4–9 of class debug`;
  expect(textOf('thinned')).toBe(`${what} · the journal was full: fewer samples of each tag were kept, none of these`);
  const series = { kind: 'series', fromSeq: null, toSeq: null, device: 'pump', tag: 'level' };
  const span = { fromTime: '2026-03-01T00:00:00Z', toTime: '2026-03-01T01:00:00Z' };
  const thinned = declarationEntry({ ...loss, ...series, ...span, class: 'energy', reason: 'thinned' }).text;
  expect(thinned).toMatch(/^1.000 samples: pump\/level, .+ to .+ of class energy · the journal was full/u);
  expect(new Set(lossReasons.map(textOf)).size).toBe(lossReasons.length);
  expect(textOf('eaten')).toBe(what);
});

test.each([
  [-5_000, 'ahead'],
  [400, '< 1 s'],
  [59_999, '59 s'],
  [3_600_000, '60 min'],
  [90_000_000, '25 h'],
  [400_000_000, '4 d'],
])('an age of %i ms reads %s', (ageMs, text) => {
  expect(formatAge(ageMs)).toBe(text);
});

test('a span reads in its own unit', () => {
  expect([100, 1_000, 120_000, 3_600_000, 172_800_000].map(formatSpan)).toEqual([
    '100 milliseconds',
    '1 second',
    '2 minutes',
    '1 hour',
    '2 days',
  ]);
});

describe('what the header says', () => {
  const balance = { missing: 0, doubled: 0, uncountedLosses: 0 } as NonNullable<
    Parameters<typeof lineHealth>[0]['balance']
  >;
  const online = { gateway: 'g', online: true } as Parameters<typeof lineHealth>[0]['gateways'][number];
  const well = { away: null, balance, gateways: [online], bad: 0, tags: 10 };

  test('whole only when nothing is missing, doubled, offline or bad', () => {
    expect(lineHealth(well)).toMatchObject({ state: 'whole', detail: 'nothing missing, nothing doubled' });
    expect(lineHealth({ ...well, bad: 1 })).toMatchObject({ state: 'attention', detail: '1 of 10 tags bad' });
    expect(lineHealth({ ...well, gateways: [online, { ...online, gateway: 'h', online: false }] })).toMatchObject({
      state: 'attention',
      detail: 'h',
    });
    expect(lineHealth({ ...well, gateways: [] }).state).toBe('attention');
  });

  test('a hole or a double is worse than all else but a lost connection', () => {
    const broken = { ...well, bad: 3, balance: { ...balance, missing: 2, doubled: 1 } };
    expect(lineHealth(broken)).toMatchObject({ state: 'broken', detail: '2 batches missing, 1 row doubled' });
    expect(lineHealth({ ...broken, away: 'no answer' })).toMatchObject({ state: 'away', detail: 'no answer' });
  });

  test('a line is not called whole without a word on losses that nobody could count', () => {
    expect(lineHealth({ ...well, balance: { ...balance, uncountedLosses: 2 } })).toMatchObject({
      state: 'whole',
      detail: 'nothing missing, nothing doubled; 2 losses declared without a count',
    });
  });

  test('what has not been counted yet is no trouble', () => {
    expect(lineHealth({ ...well, balance: { ...balance, doubled: null } }).state).toBe('whole');
    expect(lineHealth({ ...well, balance: null }).state).toBe('starting');
  });
});

describe('curves', () => {
  const head = {
    series: {} as never,
    from: '',
    to: '',
    level: 'raw' as const,
    samples: 0,
    silences: [] as [number, number][],
  };

  test('samples hold: from what came before the range, and until now', () => {
    const history = {
      ...head,
      form: 'samples' as const,
      before: { timeUs: 90e6, value: 5, quality: 0 },
      omitted: 0,
      timeUs: [110e6, 120e6],
      value: [6, null],
      quality: [0, 202],
    };
    expect(curveOfSamples(history, 100, 130)).toEqual({
      time: [100, 110, 120, 130],
      value: [5, 6, null, null],
      least: null,
      greatest: null,
      bad: [[120, 130]],
      base: 0n,
    });
  });

  const held = {
    ...head,
    form: 'samples' as const,
    before: { timeUs: 90e6, value: 5, quality: 0 },
    omitted: 0,
    timeUs: [110e6, 170e6],
    value: [6, 7],
    quality: [0, 0],
  };

  test('a value that nobody repeats holds while the agent ran, and ends where nothing was stored', () => {
    expect(curveOfSamples({ ...held, silences: [[140e6, 160e6]] }, 100, 180)).toMatchObject({
      time: [100, 110, 140, 155, 170, 180],
      value: [5, 6, 6, null, 7, 7],
      bad: [],
    });
  });

  test('an agent that stopped leaves no line up to now, nor into a range that began after it', () => {
    const stopped = { ...held, silences: [[175e6, 180e6]] as [number, number][] };
    expect(curveOfSamples(stopped, 100, 190)).toMatchObject({
      time: [100, 110, 170, 175, 182.5],
      value: [5, 6, 7, 7, null],
    });
    const before = { ...held, silences: [[95e6, 105e6]] as [number, number][] };
    expect(curveOfSamples(before, 100, 180)).toMatchObject({ time: [110, 170, 180], value: [6, 7, 7] });
  });

  test('a range in which nothing was said shows what held', () => {
    const history = {
      ...head,
      form: 'samples' as const,
      before: { timeUs: 90e6, value: true, quality: 0 },
      omitted: 0,
      timeUs: [],
      value: [],
      quality: [],
    };
    expect(curveOfSamples(history, 100, 130)).toMatchObject({ time: [100, 130], value: [1, 1] });
  });

  test('a summary stands in the middle of its time', () => {
    const history = {
      ...head,
      form: 'summaries' as const,
      pointMs: 60_000,
      timeUs: [60e6, 120e6],
      mean: [1, null],
      min: [0, null],
      max: [2, null],
      count: [60, 60],
      good: [60, 0],
    };
    expect(curveOfSummaries(history)).toEqual({
      time: [90, 150],
      value: [1, null],
      least: [0, null],
      greatest: [2, null],
      bad: [[120, 180]],
      base: 0n,
    });
  });

  test('points with empty spans between them are joined, unless nothing was stored then', () => {
    const history = {
      ...head,
      form: 'summaries' as const,
      pointMs: 60_000,
      timeUs: [60e6, 120e6, 300e6],
      mean: [1, 2, 3],
      min: [1, 2, 3],
      max: [1, 2, 3],
      count: [1, 1, 1],
      good: [1, 1, 1],
    };
    expect(curveOfSummaries(history).time).toEqual([90, 150, 330]);
    // A restart within a span is no gap, one that took away a whole span is.
    const silences: [number, number][] = [
      [100e6, 110e6],
      [130e6, 310e6],
    ];
    expect(curveOfSummaries({ ...history, silences })).toMatchObject({
      time: [90, 150, 240, 330],
      value: [1, 2, null, 3],
      least: [1, 2, null, 3],
    });
  });

  test('integers that no float holds keep their differences', () => {
    const value = ['9223372036854775807', '9223372036854775853'];
    const { base, value: drawn } = curveOfSamples({ ...held, before: null, value }, 100, 170);
    expect(drawn.map((one) => base + BigInt(one ?? 0))).toEqual(value.map(BigInt));
  });

  test('a tag younger than the range is shown from its first sample on, a fifth of the range at the least', () => {
    const from = (first: number) => shownRange({ time: [first] }, 0, 100)[0];
    expect([-5, 0, 40, 95].map(from)).toEqual([0, 0, 40, 80]);
    expect(shownRange({ time: [] }, 0, 100)).toEqual([0, 100]);
  });

  test('booleans and long integers can be drawn, text cannot', () => {
    expect([true, '18446744073709551615', 'Recipe A', '', null].map(numberOf)).toEqual([1, 2 ** 64, null, null, null]);
  });
});

describe('labels of the value axis', () => {
  const steps = (from: number, step: number, count = 5) => Array.from({ length: count }, (_, n) => from + n * step);
  const reads = (text: string) => text.replaceAll(' ', thin);

  test.each([
    [[0, 0.5, 1], 0.5, ['0', '0.5', '1.0']],
    [[120, 140, 160], 20, ['120', '140', '160']],
    [[1_000_000, 1_500_000], 500_000, ['1.0 M', '1.5 M']],
    [[-2e9, 0, 2e9], 2e9, ['-2 G', '0', '2 G']],
    [[0.00002, 0.00003], 0.00001, ['2e-5', '3e-5']],
  ])('%j reads %j', (splits, step, labels) => {
    expect(axisLabels(splits, step)).toEqual({ offset: '', labels: labels.map(reads) });
  });

  test('what a large counter has in common stands once, and the labels tell the rest', () => {
    expect(axisLabels(steps(1_234_567_890, 10, 3), 10)).toEqual({
      offset: reads('1 234 567 000'),
      labels: ['890', '900', '910'],
    });
    expect(axisLabels([60, 80, 100], 20, 9_223_372_036_000_000_000n)).toEqual({
      offset: reads('9 223 372 036 000 000 000'),
      labels: ['60', '80', '100'],
    });
    expect(axisLabels([-5_000_000_003, -5_000_000_002], 1)).toEqual({
      offset: reads('-5 000 000 010'),
      labels: ['7', '8'],
    });
  });

  test('neighbours differ and labels stay short, whatever the value and the step', () => {
    for (let size = -6; size <= 18; size++) {
      for (let step = size - 8; step <= size; step++) {
        const splits = steps(1.2345678 * 10 ** size, 10 ** step).filter(
          (split, n, all) => n === 0 || split !== all[n - 1],
        );
        const { labels } = axisLabels(splits, 10 ** step);
        expect(new Set(labels).size, `1e${size} by 1e${step}`).toBe(splits.length);
        for (const label of labels) expect(label.length, `1e${size} by 1e${step}: ${label}`).toBeLessThanOrEqual(14);
      }
    }
  });
});
