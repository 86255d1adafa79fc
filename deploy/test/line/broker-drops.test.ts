import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { startLine } from './line.ts';

describeWith(mosquitto, 'a broker that acknowledges messages and drops them', () => {
  it('is noticed by the bridge, and what it dropped is sent again: nothing missing, nothing doubled', async () => {
    const broker = await mosquitto.start({ conf: ['max_queued_messages 2', 'sys_interval 1'] });
    const line = await startLine({ brokerUrl: broker.url, mqtt: { window: 1 } });
    await line.flows();
    await waitFor(async () => (await line.ingest.metric('fieldline_bridge_broker_drops_watched')) === 1, {
      what: 'the bridge to watch the drops of the broker',
    });
    line.ingest.freeze();
    const published = await line.agent.metric('fieldline_uplink_batches_published_total');
    await waitFor(async () => (await line.agent.metric('fieldline_uplink_batches_published_total')) > published + 8, {
      what: 'more than the broker keeps',
    });
    line.ingest.resume();
    await waitFor(async () => (await line.ingest.metric('fieldline_bridge_broker_dropped_total')) > 0, {
      what: 'the drops to be counted',
    });
    expect(line.ingest.log()).toContain('has dropped messages that it had acknowledged');
    await line.settle();
    await expectAllStored(line);
    await line.close();
    await broker.close();
  }, 120_000);
});
