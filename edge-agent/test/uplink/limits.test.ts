import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { Window } from '../../src/uplink/window.ts';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { closing } from '../helpers/closing.ts';
import { type Limits, startLimitedBroker } from '../helpers/limited-broker.ts';
import { listeningLog } from '../helpers/listening-log.ts';

const quotaExceeded = 0x97;
const isBatch = (topic: string): boolean => topic.endsWith('/batch');

const unlimited: Limits = { connectReason: 0, receiveMaximum: 100, answer: () => 0 };
const startBroker = async (changes: Partial<Limits>) => closing(await startLimitedBroker({ ...unlimited, ...changes }));

/** Small batches, so that there are many. */
const manyBatches = { confirm: 'broker', maxInFlight: 50, maxBatchBytes: 1_000, compression: 'none' };

describe('the window', () => {
  it('lets in at most as many as the broker takes, in order, and fewer after it was closed', async () => {
    const window = new Window(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const work = (index: number): Promise<void> =>
      window.run(
        () =>
          new Promise((resolve) => {
            begun.push(index);
            ends.push(resolve);
          }),
      );
    const all = Promise.all([1, 2, 3, 4].map(work));
    await waitFor(() => begun.length === 2);
    window.closeFor(20);
    ends.splice(0).forEach((end) => void end());
    expect(window.isClosed).toBe(true);
    await waitFor(() => begun.length === 3, { what: 'one at a time' });
    window.widen();
    await waitFor(() => begun.length === 4, { what: 'one more' });
    expect(begun).toEqual([1, 2, 3, 4]);
    ends.splice(0).forEach((end) => void end());
    await all;
  });
});

describe('a broker with limits', () => {
  it('is never sent more at once than its receive maximum, which may be lower at the next session', async () => {
    const broker = await startBroker({ receiveMaximum: 20 });
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: manyBatches })));
    agent.emit(numbers(0, 10_000));
    const unconfirmed = () => agent.metric('fieldline_journal_unconfirmed_batches');
    await waitFor(async () => broker.seen.publishes.length > 50 && (await unconfirmed()) === 0);
    broker.limits = { ...unlimited, receiveMaximum: 3 };
    broker.disconnect(0x8b);
    await waitFor(() => broker.seen.connects === 2);
    agent.emit(numbers(0, 10_000));
    const sent = broker.seen.publishes.length;
    await waitFor(async () => broker.seen.publishes.length > sent + 20 && (await unconfirmed()) === 0);
    expect(broker.seen.mostUnanswered).toEqual([20, 3]);
  });

  it('is left alone for a while when a quota is exceeded, and gets everything in the end', async () => {
    const broker = await startBroker({ answer: (topic) => (isBatch(topic) ? quotaExceeded : 0) });
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: manyBatches });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt !== undefined));
    agent.emit(numbers(0, 10_000));
    await waitFor(async () => (await agent.metric('fieldline_uplink_throttled_total')) === 2);
    // Those that were under way when the first answer came, and one after the pause.
    const batches = broker.seen.publishes.filter(isBatch).length;
    expect(batches).toBeLessThanOrEqual(config.uplink.maxInFlight + 1);
    expect(agent.troubles().uplink).toContain('the quota of this client is used up; raise it there');
    expect(lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
      expect.stringContaining('takes no more at the moment'),
    ]);
    broker.limits = unlimited;
    await waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_samples')) === 0);
    expect(lines.at(-1)?.msg).toBe('the broker takes batches again');
    await waitFor(() => agent.troubles().uplink === undefined);
    expect(await agent.metric('fieldline_uplink_batches_refused_total')).toBe(0);
  });

  it('does not keep the agent from stopping while it takes nothing', async () => {
    const broker = await startBroker({ answer: () => quotaExceeded });
    const agent = await startTestAgent(temporaryFolder(), edgeConfig(broker.url));
    agent.emit(numbers(0, 5));
    await waitFor(async () => (await agent.metric('fieldline_uplink_throttled_total')) > 0);
    const begunMs = performance.now();
    await agent.close();
    expect(performance.now() - begunMs).toBeLessThan(10_000);
  });

  it('is left for another session when it answers pings but no publish', async () => {
    const broker = await startBroker({ answer: () => null });
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: { ...manyBatches, keepaliveMs: 400 } });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    const said = await waitFor(() => lines.find(({ code }) => code === 'broker/unreachable'));
    expect(said.msg).toContain('it answers pings, but no publish');
    expect(broker.seen.pings).toBeGreaterThan(4);
    agent.emit(numbers(0, 5));
    broker.limits = unlimited;
    await waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_samples')) === 0);
  });

  it('may want a shorter keepalive, and does not get a longer one out of us', async () => {
    const shorter = await startBroker({ serverKeepAlive: 1 });
    closing(
      await startTestAgent(
        temporaryFolder(),
        edgeConfig(shorter.url, { uplink: { ...manyBatches, keepaliveMs: 60_000 } }),
      ),
    );
    await waitFor(() => shorter.seen.pings > 1);
    const longer = await startBroker({ serverKeepAlive: 3_600 });
    closing(
      await startTestAgent(temporaryFolder(), edgeConfig(longer.url, { uplink: { ...manyBatches, keepaliveMs: 400 } })),
    );
    await waitFor(() => longer.seen.pings > 1);
  });

  it.each([
    [0x88, 'it is not available at the moment; look at the broker'],
    [0x89, 'it is busy; it is tried again with growing pauses'],
    [0x97, 'the quota of this client is used up; raise it there'],
    [0x9a, 'it keeps no retained messages'],
    [0x9d, 'it has moved; put its new address into uplink.broker'],
    [0x9f, 'too many clients connect at once; it is tried again with growing pauses'],
  ])('says which side must do what when it refuses the session (reason %i)', async (connectReason, words) => {
    const broker = await startBroker({ connectReason });
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url)));
    await waitFor(() => agent.troubles().uplink?.includes(words));
    expect(agent.troubles().uplink).toContain(`the broker ${broker.url} refused the session: `);
  });

  it('says so, too, when it ends a session', async () => {
    const broker = await startBroker({});
    const { lines, log } = listeningLog();
    closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url), log));
    await waitFor(() => broker.seen.publishes.length > 0);
    broker.disconnect(0x96);
    const said = await waitFor(() => lines.find(({ code }) => code === 'broker/refused'));
    expect(said.msg).toBe(
      `the broker ${broker.url} ended the session: messages come too fast for it; raise the rate of this client there, or lower uplink.maxInFlight`,
    );
  });
});
