import { join } from 'node:path';
import { systemClock } from '@fieldline/shared/runtime';
import { describeWith, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { startFakeCloud } from '../helpers/fake-cloud.ts';
import { numberTag, openJournal, samplesOf } from '../helpers/journal.ts';
import { slowLink } from '../helpers/slow-link.ts';

/** A journal that nobody has confirmed. */
function offlineFolder(batches: number, samplesPerBatch: number): string {
  const folder = temporaryFolder();
  const journal = openJournal(join(folder, 'journal'));
  for (let batch = 0; batch < batches; batch++) {
    journal.record(
      samplesOf(samplesPerBatch, numberTag, (index) => batch * samplesPerBatch + index),
      0,
    );
    journal.flush();
  }
  journal.close();
  return folder;
}

describeWith(mosquitto, 'a backlog behind a slow link', () => {
  it('drains while the newest values are never 2 s late', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const [backlogBatches, samplesPerBatch] = [40, 4_000];
    const folder = offlineFolder(backlogBatches, samplesPerBatch);
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

describeWith(mosquitto, 'a backlog before a database that does not commit', () => {
  it('is held back, and what was lost on the way is sent again all the same', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const folder = offlineFolder(200, 1);
    const cloud = await startFakeCloud(broker.url);
    onTestFinished(() => cloud.close());
    let isAway = true;
    cloud.loses = () => isAway;
    cloud.acknowledge();
    const agent = await startTestAgent(folder, edgeConfig(broker.url, { uplink: { resendAfterMs: 300 } }));
    onTestFinished(() => agent.close());
    await waitFor(() => cloud.received.length > 150, { what: 'the first ones to be sent again and again' });
    expect(new Set(cloud.received).size).toBeLessThan(100);
    isAway = false;
    await waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_batches')) === 0, {
      what: 'all of it to be committed',
    });
    expect(cloud.batches.flatMap(({ value }) => value).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 200));
  });
});
