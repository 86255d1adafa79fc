import { describe, expect, test } from 'vitest';
import { Pace } from '../../src/replay/pace.ts';

describe('the pace of a replay', () => {
  test('rests as long as it worked, unless a rate is given', () => {
    expect(new Pace(null).restMs(5_000, 180, 1_000)).toBe(180);
  });

  test('keeps the rate, and makes no burst of the time in which it had to wait', () => {
    const pace = new Pace(1_000);
    // Begins at 0, each transaction takes 100 ms.
    expect(pace.restMs(500, 100, 100)).toBe(400);
    expect(pace.restMs(500, 100, 600)).toBe(400);
    // It gave way to live data for a minute.
    expect(pace.restMs(500, 100, 61_100)).toBe(400);
  });

  test('does less at once while transactions are long, and more while they are short', () => {
    const pace = new Pace(null);
    const begun = pace.samplesAtOnce;
    pace.restMs(begun, 2_000, 2_000);
    expect(pace.samplesAtOnce).toBe(begun / 2);
    for (let n = 0; n < 20; n++) pace.restMs(pace.samplesAtOnce, 10, 3_000);
    expect(pace.samplesAtOnce).toBe(50_000);
    for (let n = 0; n < 20; n++) pace.restMs(pace.samplesAtOnce, 5_000, 4_000);
    expect(pace.samplesAtOnce).toBe(500);
    // Short because there was little to do.
    pace.restMs(3, 10, 5_000);
    expect(pace.samplesAtOnce).toBe(500);
    expect(new Pace(600).samplesAtOnce).toBe(600);
  });
});
