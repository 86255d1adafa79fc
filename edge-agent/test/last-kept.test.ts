import { startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { edgeConfig, startTestAgent } from './helpers/agent.ts';
import { numberTag } from './helpers/journal.ts';

const opcua = {
  device: numberTag.device,
  protocol: 'opcua',
  endpoint: 'opc.tcp://127.0.0.1:4840',
  class: 'alarm',
  tags: [{ tag: numberTag.tag, node: 'i=2258' }],
};

it('a driver of a protocol that reports by itself is told, after a restart, what the journal has of a tag', async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  const folder = temporaryFolder();
  const start = () =>
    startTestAgent(folder, edgeConfig(broker.url, { uplink: { confirm: 'broker' }, devices: [opcua] }));
  const first = await start();
  expect(first.lastKept(numberTag)).toBeNull();
  first.emit([1, 2]);
  await first.close();

  const second = await start();
  onTestFinished(() => second.close());
  expect(second.lastKept(numberTag)).toMatchObject({ value: 2, quality: 0, bad: null });
  expect(second.lastKept({ ...numberTag, tag: 'another' })).toBeNull();
  second.emit([3]);
  await waitFor(() => second.lastKept(numberTag)?.value === 3, { what: 'the sample of this run' });
});
