import { fileURLToPath } from 'node:url';
import { loadEdgeConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { profilesFolder } from '../../../../edge-agent/src/profiles-folder.ts';
import { plantBatches } from '../../../bench/ingest/plant-batches.ts';

const folder = fileURLToPath(new URL('../../../examples/pumping-station', import.meta.url));
const fromMs = Date.UTC(2026, 2, 1);
const minuteMs = 60_000;

test('every tag of the plant is in the batches of its first minute', () => {
  const edge = loadEdgeConfig(`${folder}/edge.yaml`, profilesFolder);
  const tags = edge.devices.flatMap(({ device, tags: ofDevice }) => ofDevice.map(({ tag }) => `${device}/${tag}`));
  const plant = plantBatches(folder);
  const sent = [...plant.between(fromMs, fromMs + minuteMs)].flatMap(({ batch }) => batch.tags);
  expect(plant.series).toBe(tags.length);
  expect(new Set(sent.map(({ device, tag }) => `${device}/${tag}`))).toEqual(new Set(tags));
});

test('each flush is a batch of the samples of its time, in the order in which they were read', () => {
  const batches = [...plantBatches(folder).between(fromMs, fromMs + minuteMs)].map(({ batch }) => batch);
  expect(batches).toHaveLength(120);
  expect(batches.map(({ seq }) => seq)).toEqual(batches.map((_, index) => index + 1));
  for (const [index, { time }] of batches.entries()) {
    const flushMicros = (fromMs + index * 500) * 1_000;
    expect(Math.min(...time)).toBeGreaterThanOrEqual(flushMicros);
    // A request that is due at the end of a flush has its answer a little later.
    expect(Math.max(...time)).toBeLessThan(flushMicros + 502_000);
  }
});

test('what the deadband holds back is read and not sent', () => {
  const plant = plantBatches(folder);
  const sent = [...plant.between(fromMs, fromMs + minuteMs)].reduce((sum, { batch }) => sum + batch.sent, 0);
  expect(sent).toBeGreaterThan(0.2 * plant.samplesRead());
  expect(sent).toBeLessThan(0.9 * plant.samplesRead());
});

test('the same stretch of time gives the same batches', () => {
  const run = () => [...plantBatches(folder).between(fromMs, fromMs + 5_000)];
  expect(run()).toEqual(run());
});
