import type { Device } from '@fieldline/shared/config';
import { answerSchema, decodeMessage, topicOf } from '@fieldline/shared/contracts';
import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { expect, it, onTestFinished } from 'vitest';
import { gateway, startLine } from './line.ts';

/** Every tag named `text` of the plant may be written. */
const writable = (devices: Device[]): Device[] =>
  devices.map((device) => {
    if (device.protocol !== 'modbus') return device;
    const write = { atMostEveryMs: 1, readBackAfterMs: 0, readModifyWrite: false };
    return { ...device, tags: device.tags.map((tag) => (tag.tag === 'text' ? { ...tag, write } : tag)) };
  });

describeWith(mosquitto, 'commands and the database', () => {
  it('has each command once as a row, through kills of the agent and of the ingest service', async () => {
    const broker = await mosquitto.start();
    onTestFinished(() => broker.close());
    let device = '';
    const line = await startLine({
      brokerUrl: broker.url,
      commands: { enabled: true },
      change: (devices) => {
        device = devices.find(({ protocol }) => protocol === 'modbus')?.device ?? '';
        return writable(devices);
      },
    });
    onTestFinished(() => line.close());
    await line.flows();
    const operator = await connectAsync(broker.url);
    onTestFinished(() => operator.endAsync(true));
    const outcomes = new Map<string | null, string>();
    operator.on('message', (_topic, bytes) => {
      const { id, outcome } = decodeMessage(answerSchema, bytes, gateway);
      outcomes.set(id, outcome);
    });
    await operator.subscribeAsync(topicOf(gateway, 'answer'), { qos: 1 });
    const rows = () =>
      line.query<{ text: string }>(
        "SELECT text FROM fieldline.sample JOIN fieldline.series USING (series_id) WHERE tag = 'commands' ORDER BY time",
      );
    const ids = Array.from({ length: 6 }, (_, n) => `c${n}`);
    for (const [n, id] of ids.entries()) {
      const command = { v: 1, gateway, id, device, tag: 'text', value: `No ${n}`, by: 'test' };
      const send = () =>
        operator.publishAsync(
          topicOf(gateway, 'command'),
          JSON.stringify({ ...command, expires: Date.now() * 1_000 + 60_000_000 }),
          { qos: 1 },
        );
      await send();
      await waitFor(() => outcomes.has(id), { what: 'an answer' });
      // Its row is there: so the journal has it, and the agent has noted that.
      await waitFor(async () => (await rows()).length > n, { timeoutMs: 30_000, what: 'its row' });
      if (n === 1) await line.ingest.kill().then(() => line.ingest.start());
      if (n === 3) await line.agent.kill().then(() => line.agent.start());
      await send();
    }
    await line.flows();
    await line.settle();
    const found = (await rows()).map(({ text }) => JSON.parse(text));
    expect(found.map(({ id, outcome, written }) => [id, outcome, written])).toEqual(
      ids.map((id, n) => [id, 'written', `No ${n}`]),
    );
  }, 180_000);
});
