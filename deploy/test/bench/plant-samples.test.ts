import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { plantSamples } from '../../bench/plant-samples.ts';

const folder = fileURLToPath(new URL('../../examples/pumping-station', import.meta.url));
const fromMs = Date.UTC(2026, 5, 1, 6);
const valuesOf = (copies: number, device: string, tag: string) =>
  [...plantSamples(folder, copies).between(fromMs, fromMs + 60_000)]
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.tag.device === device && sample.tag.tag === tag)
    .map(({ value }) => value);

test('copies of a plant are other devices with other values', () => {
  expect(plantSamples(folder, 3).series).toBe(3 * plantSamples(folder).series);
  for (const tag of ['inflow', 'well.level']) {
    const [first, second] = [valuesOf(2, 'plc-inlet', tag), valuesOf(2, 'plc-inlet-2', tag)];
    expect(first.length).toBeGreaterThan(10);
    expect(second.length).toBeGreaterThan(10);
    expect(first.filter((value) => second.includes(value)).length).toBeLessThan(first.length / 2);
  }
});

test('sixteen copies have about a thousand samples a second that pass', () => {
  const flushes = [...plantSamples(folder, 16).between(fromMs, fromMs + 60_000)];
  const perSecond = flushes.reduce((sum, { samples }) => sum + samples.length, 0) / 60;
  expect(perSecond).toBeGreaterThan(1_000);
  expect(perSecond).toBeLessThan(1_100);
  expect(flushes.reduce((sum, { filtered }) => sum + filtered, 0)).toBeGreaterThan(10_000);
});
