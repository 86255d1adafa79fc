import { type Clock, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { type FakeCloud, startFakeCloud } from '../helpers/fake-cloud.ts';
import { numberTag } from '../helpers/journal.ts';

const hourMicros = 3_600_000_000;

/** The system's clock, which somebody sets. */
function settableClock(): Clock & { setBy: (micros: number) => void } {
  let offset = 0;
  return {
    now: () => systemClock.now() + offset,
    monotonicMs: systemClock.monotonicMs,
    setBy: (micros) => {
      offset += micros;
    },
  };
}

/** Values in the order of their batches, whatever their times are. */
const inOrder = (cloud: FakeCloud): unknown[] =>
  [...cloud.batches].sort((left, right) => left.seq - right.seq).flatMap(({ value }) => value);

const allConfirmed = (agent: { metric: (name: string) => Promise<number> }): Promise<unknown> =>
  waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_batches')) === 0);

/** With a deadband and a heartbeat, which know time too. */
const devices = [
  {
    device: numberTag.device,
    protocol: 'modbus',
    link: { kind: 'tcp', host: '127.0.0.1' },
    tags: [{ tag: numberTag.tag, address: 0, type: 'float64', deadband: 0.5, heartbeatMs: 60_000 }],
  },
];

describeWith(mosquitto, 'a wall clock that is set while the agent runs', () => {
  it.each([
    ['an hour ahead', hourMicros],
    ['an hour back', -hourMicros],
  ])('%s: nothing is doubled, lost or out of order', async (_, step) => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const cloud = await startFakeCloud(broker.url);
    onTestFinished(() => cloud.close());
    const clock = settableClock();
    const config = edgeConfig(broker.url, { devices, uplink: { resendAfterMs: 300 } });
    const agent = await startTestAgent(temporaryFolder(), config, silentLog, clock);
    onTestFinished(() => agent.close());
    for (let value = 0; value < 20; value++) agent.emit([value]);
    await waitFor(() => inOrder(cloud).length === 20);
    clock.setBy(step);
    for (let value = 20; value < 40; value++) agent.emit([value]);
    await waitFor(() => inOrder(cloud).length === 40);
    // What waits to be sent again knows no wall clock.
    let lost = 0;
    cloud.loses = ({ value }) => value.includes(40) && lost++ === 0;
    clock.setBy(-step);
    for (let value = 40; value < 60; value++) agent.emit([value]);
    await waitFor(() => inOrder(cloud).length === 60);
    await allConfirmed(agent);
    expect(lost).toBeGreaterThan(1);
    expect(inOrder(cloud)).toEqual(numbers(0, 60));
    for (const committed of cloud.committed.values()) expect(committed).toEqual([[1, committed.at(-1)?.[1]]]);
    expect(cloud.committed.size).toBe(1);
  });

  it('from 1970 to now, as without a battery: what was read before waits, nothing is doubled or lost, and the times rise', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    const cloud = await startFakeCloud(broker.url);
    onTestFinished(() => cloud.close());
    const clock = settableClock();
    const inThePast = systemClock.now();
    clock.setBy(-inThePast);
    const agent = await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { devices }), silentLog, clock);
    onTestFinished(() => agent.close());
    for (let value = 0; value < 20; value++) agent.emit([value]);
    await waitFor(async () => (await agent.metric('fieldline_journal_undated_samples')) === 20);
    clock.setBy(inThePast);
    for (let value = 20; value < 40; value++) agent.emit([value]);
    await waitFor(() => inOrder(cloud).length === 40);
    await allConfirmed(agent);
    const byTime = cloud.batches
      .flatMap(({ time, value }) => time.map((at, index) => ({ at, value: value[index] })))
      .toSorted((left, right) => left.at - right.at || Number(left.value) - Number(right.value));
    expect(byTime.map(({ value }) => value)).toEqual(numbers(0, 40));
    for (const committed of cloud.committed.values()) expect(committed).toEqual([[1, committed.at(-1)?.[1]]]);
  });
});
