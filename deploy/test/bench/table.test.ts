import { describe, expect, it } from 'vitest';
import { judge } from '../../bench/benchmark.ts';
import { median, quantile } from '../../bench/statistics.ts';
import { table } from '../../bench/table.ts';

describe('figures of the benchmarks', () => {
  it('say whether their target is met, at the bound too', () => {
    const text = table([
      { name: 'stored', value: 30_000, unit: 'rows/s', target: { atLeast: 30_000 } },
      { name: 'memory', value: 100.4, unit: 'MB', target: { atMost: 100 } },
      { name: 'CPU', value: 0.745, unit: 's', note: 'explains' },
    ]);
    const cells = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    expect(cells[2]?.slice(1, 6)).toEqual(['stored', '30,000', 'rows/s', '≥ 30,000', 'met']);
    expect(cells[3]?.slice(1, 6)).toEqual(['memory', '100', 'MB', '≤ 100', 'missed']);
    expect(cells[4]?.slice(1, 7)).toEqual(['CPU', '0.75', 's', '', '', 'explains']);
  });

  it('say whether the aim beyond the target is met', () => {
    const ratio = { atLeast: 0.5, aim: 0.8 };
    expect([0.49, 0.5, 0.79, 0.8].map((value) => judge(value, ratio))).toEqual(['missed', 'met', 'met', 'aim met']);
    const bytes = { atMost: 3, aim: 2 };
    expect([3.1, 3, 2].map((value) => judge(value, bytes))).toEqual(['missed', 'met', 'aim met']);
    expect(table([{ name: 'size', value: 2.5, unit: 'bytes', target: bytes }])).toContain('≤ 3, aim 2');
  });

  it('that are not a number miss every target', () => {
    expect(judge(Number.NaN, { atLeast: 0.5, aim: 0.8 })).toBe('missed');
    expect(judge(Number.NaN, { atMost: 3, aim: 2 })).toBe('missed');
  });

  it('are the middle of what was measured, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(quantile([3, 1, 2], 0.99)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
