import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { systemBoot } from '../src/journal/undated/boot.ts';
import { edgeConfig, numbers, startTestAgent } from './helpers/agent.ts';
import { startFakeCloud, storedValues } from './helpers/fake-cloud.ts';

it('an agent that boots in 1970 sends what it read before its clock was set, once and with the true times', async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  const cloud = await startFakeCloud(broker.url);
  onTestFinished(() => cloud.close());
  const bootedAt = systemClock.now();
  let isSet = false;
  const clock = { ...systemClock, now: () => (isSet ? systemClock.now() : systemClock.now() - bootedAt) };
  const agent = await startTestAgent(temporaryFolder(), edgeConfig(broker.url), silentLog, clock, systemBoot());
  onTestFinished(() => agent.close());
  await waitFor(() => cloud.batches.length === 1, { what: 'the beginning of the stream' });
  agent.emit(numbers(0, 10));
  await waitFor(async () => (await agent.metric('fieldline_journal_undated_samples')) === 10);
  agent.emit(numbers(10, 20));
  await waitFor(async () => (await agent.metric('fieldline_journal_undated_samples')) === 20);
  const readUntil = systemClock.now();
  expect(Object.values(agent.notes()).join()).toContain('20 samples wait');
  expect(storedValues(cloud)).toEqual([]);
  isSet = true;
  agent.emit(numbers(20, 30));
  await waitFor(() => storedValues(cloud).length === 30, { what: 'all values' });
  expect(storedValues(cloud)).toEqual(numbers(0, 30));
  for (const { time, value } of cloud.batches) {
    for (const [index, at] of time.entries()) {
      expect(at).toBeGreaterThan(bootedAt - 100_000);
      if (Number(value[index]) < 20) expect(at).toBeLessThan(readUntil + 100_000);
    }
  }
  await waitFor(() => agent.notes().journal === undefined, { what: 'nothing to wait' });
});
