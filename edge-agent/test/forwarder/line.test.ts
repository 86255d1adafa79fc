import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, mosquitto, mountedDisk, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { type FakeCloud, startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { smallDisk } from '../helpers/small-disk.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const closing = <T extends { close: () => Promise<unknown> }>(part: T): T => {
  closers.push(() => part.close());
  return part;
};

const drained = (agent: { metric: (name: string) => Promise<number> }) =>
  waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_batches')) === 0, {
    what: 'everything to be confirmed',
  });

/** Every number was committed once, and every batch the agent made is there. */
function expectAll(cloud: FakeCloud, count: number): void {
  expect(storedValues(cloud)).toEqual(numbers(0, count));
  for (const committed of cloud.committed.values()) expect(committed).toEqual([[1, committed.at(-1)?.[1]]]);
}

describe('over the embedded broker (MQTT 3.1.1)', () => {
  it('sends what it reads, and forgets it when the cloud has committed it', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    cloud.acknowledges = false;
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url)));
    agent.emit(numbers(0, 100));
    await waitFor(() => storedValues(cloud).length === 100);
    expect(await agent.metric('fieldline_journal_unconfirmed_samples')).toBe(100);
    cloud.acknowledges = true;
    cloud.acknowledge();
    await drained(agent);
    expectAll(cloud, 100);
    expect(await agent.metric('fieldline_agent_samples_read_total')).toBe(100);
  });

  it('sends again what the cloud does not commit in time, and no more once it has', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    let losses = 0;
    cloud.loses = ({ seq }) => seq === 2 && losses++ < 2;
    const agent = closing(
      await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { resendAfterMs: 200 } })),
    );
    await waitFor(() => cloud.received.length > 0);
    agent.emit(numbers(0, 10));
    await waitFor(() => losses === 3 || storedValues(cloud).length === 10);
    await drained(agent);
    expectAll(cloud, 10);
    expect(cloud.received.filter((id) => id.endsWith('/2'))).toHaveLength(3);
    expect(await agent.metric('fieldline_uplink_batches_sent_again_total')).toBeGreaterThanOrEqual(2);
  });

  it('does not send again while the cloud says that it lags, and does afterwards', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    cloud.loses = () => true;
    cloud.lagging = true;
    cloud.acknowledge();
    const config = edgeConfig(broker.url, { uplink: { resendAfterMs: 100 } });
    const agent = closing(await startTestAgent(temporaryFolder(), config));
    await waitFor(() => cloud.received.length === 1);
    for (let flush = 1; flush <= 15; flush++) {
      agent.emit([flush]);
      await waitFor(() => cloud.received.length === flush + 1);
    }
    expect(new Set(cloud.received).size).toBe(16);
    cloud.lagging = false;
    cloud.acknowledge();
    await waitFor(() => cloud.received.length >= 32, { what: 'batches to be sent again after the lag' });
    expect(new Set(cloud.received).size).toBe(16);
  });

  it('sends at once what the cloud asks for', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    let isLost = true;
    cloud.loses = ({ seq }) => seq === 2 && isLost;
    const agent = closing(
      await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { resendAfterMs: 3_600_000 } })),
    );
    await waitFor(() => cloud.received.length > 0);
    agent.emit(numbers(0, 5));
    await waitFor(() => cloud.received.length === 2);
    agent.emit(numbers(5, 10));
    await waitFor(() => cloud.received.length === 3);
    isLost = false;
    const [stream = ''] = (cloud.received[0] ?? '').split('/');
    cloud.ask.set(stream, [[2, 2]]);
    cloud.acknowledge();
    await drained(agent);
    expectAll(cloud, 10);
  });

  it('sends again what it still keeps when the database is another one, and announces its tags anew', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = closing(
      await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { journal: { keepConfirmedForMs: 3_600_000 } })),
    );
    agent.emit(numbers(0, 50));
    await waitFor(() => storedValues(cloud).length === 50);
    await drained(agent);
    const births = cloud.births.length;
    cloud.batches.length = 0;
    cloud.committed.clear();
    cloud.incarnation = 'database-2';
    cloud.acknowledge();
    await waitFor(() => storedValues(cloud).length === 50, { what: 'the kept batches to come again' });
    await drained(agent);
    expectAll(cloud, 50);
    await waitFor(() => cloud.births.length > births, { what: 'the births to come again' });
  });

  it('confirms by PUBACK where the settings say so', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    cloud.acknowledges = false;
    const agent = closing(
      await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { confirm: 'broker' } })),
    );
    agent.emit(numbers(0, 30));
    await waitFor(() => storedValues(cloud).length === 30);
    await drained(agent);
    expectAll(cloud, 30);
  });

  it('sends after a restart what was not confirmed before, under the same numbers', async () => {
    const broker = closing(await startAedes());
    const folder = temporaryFolder();
    const unheard = await startTestAgent(folder, edgeConfig(broker.url));
    unheard.emit(numbers(0, 40));
    await unheard.close();
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = closing(await startTestAgent(folder, edgeConfig(broker.url)));
    agent.emit(numbers(40, 60));
    await waitFor(() => storedValues(cloud).length === 60);
    await drained(agent);
    expectAll(cloud, 60);
    expect(cloud.committed.size).toBe(2);
  });
});

describe('with a backlog', () => {
  it('lets new values overtake it', async () => {
    const broker = closing(await startAedes());
    const folder = temporaryFolder();
    const offline = await startTestAgent(folder, edgeConfig('mqtt://127.0.0.1:1', { journal: { flushMs: 5 } }));
    for (let batch = 0; batch < 400; batch++) {
      offline.emit(numbers(batch * 20, batch * 20 + 20));
      await waitFor(async () => (await offline.metric('fieldline_journal_unconfirmed_batches')) >= batch + 2);
    }
    await offline.close();
    const cloud = closing(await startFakeCloud(broker.url));
    cloud.acknowledge();
    const agent = closing(await startTestAgent(folder, edgeConfig(broker.url, { uplink: { maxInFlight: 2 } })));
    await waitFor(() => cloud.batches.length > 20);
    agent.emit(numbers(8_000, 8_001));
    await waitFor(() => cloud.batches.some(({ value }) => value.includes(8_000)));
    expect(cloud.batches.length).toBeLessThan(380);
    await drained(agent);
    expectAll(cloud, 8_001);
  });
});

describeWith(mountedDisk, 'started again on a full disk', () => {
  it('sends what the killed agent left beside what it reads, and its health says what is wrong', async () => {
    const broker = closing(await startAedes());
    const before = temporaryFolder();
    const killed = closing(await startTestAgent(before, edgeConfig('mqtt://127.0.0.1:1')));
    // So many that their log cannot be folded in where there is no room: that would make some.
    killed.emit(numbers(0, 4_000));
    await waitFor(async () => (await killed.metric('fieldline_journal_unconfirmed_samples')) === 4_000);
    const disk = smallDisk();
    cpSync(join(before, 'journal'), join(disk.folder, 'journal'), { recursive: true });
    disk.fill();
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = closing(await startTestAgent(disk.folder, edgeConfig(broker.url)));
    expect(agent.troubles()).toMatchObject({
      journal: expect.stringMatching(/cannot be written .* \(4,?000 samples\) can be read/),
    });
    agent.emit(numbers(4_000, 4_020));
    await waitFor(() => storedValues(cloud).length === 4_020);
    await drained(agent);
    expectAll(cloud, 4_020);
    expect(cloud.batches.filter(({ volatile }) => volatile).flatMap(({ value }) => value)).toEqual(
      numbers(4_000, 4_020),
    );
  });
});

describeWith(mosquitto, 'over Mosquitto (MQTT 5)', () => {
  it.each(['cloud', 'broker'] as const)(
    'loses and doubles nothing when the broker stops and starts under load, confirm %s',
    async (confirm) => {
      const broker = closing(await mosquitto.start({ conf: ['max_queued_messages 100000'] }));
      const cloud = closing(await startFakeCloud(broker.url));
      const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { confirm } })));
      let next = 0;
      const load = setInterval(() => {
        agent.emit(numbers(next, next + 20));
        next += 20;
      }, 10);
      await waitFor(() => storedValues(cloud).length > 500);
      await broker.stop();
      const offlineFrom = next;
      await waitFor(() => next > offlineFrom + 2_000);
      await broker.start();
      await waitFor(() => storedValues(cloud).length > offlineFrom + 1_000, { what: 'the flow to resume' });
      clearInterval(load);
      await drained(agent);
      await waitFor(() => storedValues(cloud).length >= next, { what: 'the cloud to have all' });
      expectAll(cloud, next);
    },
  );

  it('loses nothing when the broker is killed and its state is gone, confirm cloud', async () => {
    const broker = closing(await mosquitto.start());
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url)));
    await waitFor(() => cloud.received.length > 0);
    // Taken by the broker, lost with it: the cloud never sees them.
    cloud.loses = () => true;
    agent.emit(numbers(0, 200));
    await waitFor(async () => (await agent.metric('fieldline_uplink_samples_published_total')) === 200);
    await broker.kill();
    broker.wipe();
    agent.emit(numbers(200, 400));
    cloud.loses = () => false;
    await broker.start();
    await waitFor(() => storedValues(cloud).length === 400, { what: 'all to come again', timeoutMs: 25_000 });
    await drained(agent);
    expectAll(cloud, 400);
  });
});
