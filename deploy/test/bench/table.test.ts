import { describe, expect, it } from 'vitest';
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

  it('are the middle of what was measured, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(quantile([3, 1, 2], 0.99)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
