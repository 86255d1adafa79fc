import { describe, expect, it } from 'vitest';
import { arrivalRate } from '../../../src/commands/journal/arrival.ts';

const now = 1_790_000_000_000_000;
const minutesAgo = (minutes: number, sizeBytes = 1_000) => ({ encodedAt: now - minutes * 60_000_000, sizeBytes });

describe('the rate of arrival', () => {
  it('is what came since the oldest batch of the last hour, with what the file adds', () => {
    const batches = [minutesAgo(1), minutesAgo(10), minutesAgo(20), minutesAgo(61, 1_000_000)];
    expect(arrivalRate(batches, 1.5, now)).toEqual({ bytesPerHour: 9_000, measuredOverMs: 1_200_000 });
  });

  it('counts a quiet time until now', () => {
    expect(arrivalRate([minutesAgo(40), minutesAgo(50)], 1, now)).toMatchObject({ bytesPerHour: 1_200 });
  });

  it('is unknown where nothing came, or too little to tell', () => {
    expect(arrivalRate([], 1, now).bytesPerHour).toBeNull();
    expect(arrivalRate([minutesAgo(61)], 1, now)).toMatchObject({ because: 'nothing arrived within the last hour' });
    expect(arrivalRate([minutesAgo(5)], 1, now).bytesPerHour).toBeNull();
    expect(arrivalRate([minutesAgo(0.1), minutesAgo(0.5)], 1, now).bytesPerHour).toBeNull();
  });
});
