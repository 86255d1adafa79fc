import { systemClock } from '@fieldline/shared/runtime';
import { describeWith, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { startFakeCloud } from '../helpers/fake-cloud.ts';
import { slowLink } from '../helpers/slow-link.ts';

const backlogBatches = 60;
const samplesPerBatch = 4_000;

/** A journal of some 2 MB that nobody has confirmed. */
async function offlineFolder(): Promise<string> {
  const folder = temporaryFolder();
  const config = edgeConfig('mqtt://127.0.0.1:1', { journal: { flushMs: 20 }, uplink: { compression: 'none' } });
  const agent = await startTestAgent(folder, config);
  for (let batch = 0; batch < backlogBatches; batch++) {
    agent.emit(numbers(batch * samplesPerBatch, (batch + 1) * samplesPerBatch));
    const waiting = (batch + 1) * samplesPerBatch;
    await waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_samples')) >= waiting);
  }
  await agent.close();
  return folder;
}

describeWith(mosquitto, 'a backlog behind a slow link', () => {
  it('drains while the newest values are never 2 s late', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const folder = await offlineFolder();
    const cloud = await startFakeCloud(broker.url);
    onTestFinished(() => cloud.close());
    cloud.acknowledge();
    const latenessMs: number[] = [];
    const first = backlogBatches * samplesPerBatch;
    cloud.loses = ({ time, value }) => {
      for (const [n, each] of value.entries())
        if (Number(each) >= first) latenessMs.push((systemClock.now() - (time[n] ?? 0)) / 1_000);
      return false;
    };
    const link = await slowLink(broker.url, 300_000);
    onTestFinished(() => link.close());
    const config = edgeConfig(link.url, {
      journal: { flushMs: 100 },
      uplink: { compression: 'none', resendAfterMs: 60_000 },
    });
    const agent = await startTestAgent(folder, config);
    onTestFinished(() => agent.close());
    await waitFor(() => cloud.batches.length > 1, { what: 'the backlog to begin' });
    let live = first;
    const emitting = setInterval(() => agent.emit([live++]), 50);
    onTestFinished(() => clearInterval(emitting));
    const backlogLeft = (): number =>
      first - cloud.batches.reduce((sum, { value }) => sum + value.filter((each) => Number(each) < first).length, 0);
    await waitFor(() => backlogLeft() === 0, { what: 'the backlog to drain', timeoutMs: 40_000 });
    clearInterval(emitting);
    await waitFor(() => latenessMs.length === live - first, { what: 'the last live values' });
    expect(latenessMs.length).toBeGreaterThan(50);
    expect(Math.max(...latenessMs)).toBeLessThan(2_000);
    expect(new Set(cloud.received).size).toBe(cloud.received.length);
  });
});
