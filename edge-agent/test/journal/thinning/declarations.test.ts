import { expect, it } from 'vitest';
import { declareTaken, placed } from '../../../src/journal/thinning/declarations.ts';
import { Series } from '../../../src/journal/thinning/series.ts';

/** A series with a second between its samples, of which all but the first in a minute go. */
function series(device: string, tag: string, samples: number, thinToMs: number | null = 60_000): Series {
  const one = new Series(device, tag, thinToMs);
  for (let second = 0; second < samples; second++) one.keeps(second * 1_000_000, 0);
  return one;
}

it('declares a device as one where each of its series has lost samples, else these alone', () => {
  const declared = declareTaken([
    series('plc1', 'level', 3),
    series('plc1', 'flow', 5),
    series('meter', 'energy', 4),
    series('meter', 'power', 4, null),
  ]);
  expect(declared).toEqual([
    { kind: 'series', device: 'plc1', tag: null, from: 1e6, to: 4e6, samples: 6, reason: 'thinned' },
    { kind: 'series', device: 'meter', tag: 'energy', from: 1e6, to: 3e6, samples: 3, reason: 'thinned' },
  ]);
});

it('places a hundred in a batch, in the last batches', () => {
  const each = Array.from({ length: 250 }, (_, index) => [
    series('plc1', `tag-${index}`, 3),
    series(`plc1`, `whole-${index}`, 1),
  ]).flat();
  const declaring = placed(declareTaken(each), 11, 90);
  expect([...declaring].map(([seq, { length }]) => [seq, length])).toEqual([
    [88, 100],
    [89, 100],
    [90, 50],
  ]);
});

it('says the same in fewer words where there are too few batches', () => {
  const of = (devices: number) =>
    Array.from({ length: devices }, (_, device) => [
      series(`plc-${device}`, 'a', 3),
      series(`plc-${device}`, 'b', 3),
      series(`plc-${device}`, 'c', 1),
    ]).flat();
  const words = (devices: number) => [...placed(declareTaken(of(devices)), 1, 1).values()].flat();
  expect(words(50)).toHaveLength(100);
  expect(words(51)).toHaveLength(51);
  expect(words(51)[0]).toMatchObject({ device: 'plc-0', tag: null, samples: 4 });
  expect(words(101)).toEqual([
    { kind: 'series', device: null, tag: null, from: 1e6, to: 2e6, samples: 404, reason: 'thinned' },
  ]);
});

it('keeps the first of an interval, and each change of quality', () => {
  const one = new Series('plc1', 'level', 10);
  const at = (ms: number, quality: 0 | 100 | 200 = 0): boolean => one.keeps(ms * 1_000, quality);
  expect([at(3), at(4), at(9.999), at(10), at(19)]).toEqual([true, false, false, true, false]);
  expect([at(19.1, 200), at(19.2, 200), at(19.3), at(19.4)]).toEqual([true, false, true, false]);
  // The clock is set back, and runs through the same interval again.
  expect([at(5), at(6), at(19)]).toEqual([true, false, true]);
});
