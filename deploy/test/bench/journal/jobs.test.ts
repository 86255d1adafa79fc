import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { runJob } from '../../../bench/journal/run-job.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const { signal } = new AbortController();
const common = { root, copies: 2, seconds: 5, compression: 'zstd', survives: 'power-cut' } as const;

test('what is written online is more than the batches, and a flush is every half a second', async () => {
  const order = { ...common, kind: 'online', device: null } as const;
  const result = await runJob<'online'>(order, temporaryFolder(), signal);
  expect(result).toMatchObject({ flushes: 10, deviceBytes: null });
  expect(result.encodedBytes).toBeGreaterThan(result.samples);
  // Nothing, where the folder for temporary files is in memory.
  if (result.writtenBytes > 0) expect(result.writtenBytes).toBeGreaterThan(result.encodedBytes);
});

test('what is kept in an outage is more than the batches, and less where they are compressed', async () => {
  const kept = async (compression: 'none' | 'zstd') =>
    runJob<'offline'>({ ...common, kind: 'offline', compression }, temporaryFolder(), signal);
  const [none, zstd] = [await kept('none'), await kept('zstd')];
  for (const { encodedBytes, keptBytes } of [none, zstd]) expect(keptBytes).toBeGreaterThan(encodedBytes);
  expect(none.samples).toBe(zstd.samples);
  expect(zstd.encodedBytes).toBeLessThan(none.encodedBytes / 2);
});

test('all that goes in comes out, as fast as it can', async () => {
  const order = { ...common, kind: 'speed', perFlush: 50 } as const;
  const { appendPerSecond, drainPerSecond } = await runJob<'speed'>(order, temporaryFolder(), signal);
  expect(appendPerSecond).toBeGreaterThan(0);
  expect(drainPerSecond).toBeGreaterThan(0);
});

test('the plant at its own pace takes its time, and flushes hold the loop for some of it', async () => {
  const order = { ...common, kind: 'live', seconds: 1 } as const;
  const result = await runJob<'live'>(order, temporaryFolder(), signal);
  expect(result.flushes).toBe(2);
  expect(result.toMs - result.fromMs).toBeGreaterThanOrEqual(900);
  expect(result.flushMs).toBeGreaterThan(0);
  expect(result.mostFlushMs).toBeGreaterThanOrEqual(result.flushMs);
});
