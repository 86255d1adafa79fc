/** A device that is read seldom and is not there at its turn, and the agent as a program. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { qualityName } from '@fieldline/shared/contracts';
import { freePort, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { startFakeCloud } from '../../../edge-agent/test/helpers/fake-cloud.ts';
import { testGateway } from '../../../edge-agent/test/helpers/journal.ts';
import { registersFrom, startSimulatedDevice } from '../simulated-device.ts';
import { createProgram } from './program.ts';

test('a tag that is read once an hour has its value soon after its device is there', async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  const cloud = await startFakeCloud(broker.url);
  onTestFinished(() => cloud.close());
  const [port, opsPort] = [await freePort(), await freePort()];
  const config = join(temporaryFolder(), 'edge.yaml');
  const device = {
    ...{ device: 'meter', protocol: 'modbus', link: { kind: 'tcp', host: '127.0.0.1', port }, everyMs: 3_600_000 },
    tags: [{ tag: 'total', address: 7 }],
  };
  writeFileSync(
    config,
    stringify({
      ...{ gateway: testGateway, http: { port: opsPort }, journal: { flushMs: 50 }, uplink: { broker: broker.url } },
      devices: [device],
    }),
  );
  const agent = createProgram('edge-agent/src/main.ts', ['run', '--config', config], opsPort);
  onTestFinished(() => agent.kill());
  const came = (): unknown[] =>
    cloud.batches.flatMap(({ tags, tagIndex, value, quality }) =>
      tagIndex.flatMap((index, n) => (tags[index]?.tag === 'total' ? [value[n] ?? qualityName(quality[n] ?? 0)] : [])),
    );

  await agent.start();
  await waitFor(() => came().length > 0, { what: 'what the first turn found' });
  await startSimulatedDevice({ port, points: registersFrom(7, [4711]) });
  await waitFor(() => came().includes(4711), { what: 'the value, long before the next turn' });
  expect(came(), 'that nobody was there is said once').toEqual(['bad/not-connected', 4711]);
}, 90_000);
