/** A simulated device without some of the registers that the settings name, and the agent as a program that is restarted. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { qualityName } from '@fieldline/shared/contracts';
import { freePort, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { startFakeCloud } from '../../../edge-agent/test/helpers/fake-cloud.ts';
import { testGateway } from '../../../edge-agent/test/helpers/journal.ts';
import { registersFrom, startSimulatedDevice } from '../simulated-device.ts';
import { startModbusTap } from './modbus-tap.ts';
import { createProgram } from './program.ts';

const main = join(import.meta.dirname, '../../../edge-agent/src/main.ts');
const registers = Array.from({ length: 20 }, (_, address) => address);
/** A table of a simulated device reaches from its first point to its last. */
const missing = [0, 1, 17, 18, 19];
const betweenThem = '2+15';

/** Each register holds its address and a hundred more. */
const startDevice = (port: number, addresses: readonly number[]) =>
  startSimulatedDevice({ port, points: addresses.flatMap((address) => registersFrom(address, [100 + address])) });

test('an agent that is restarted leaves what was refused alone, says so at once, and finds it when the device has it', async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  const cloud = await startFakeCloud(broker.url);
  onTestFinished(() => cloud.close());
  const devicePort = await freePort();
  const lacking = await startDevice(
    devicePort,
    registers.filter((address) => !missing.includes(address)),
  );
  const tap = await startModbusTap(devicePort);
  onTestFinished(() => tap.close());

  const folder = temporaryFolder();
  const config = join(folder, 'edge.yaml');
  const opsPort = await freePort();
  const device = (port: number) => ({
    ...{ device: 'plc', protocol: 'modbus', link: { kind: 'tcp', host: '127.0.0.1', port }, everyMs: 200 },
    tags: registers.map((address) => ({ tag: `w${address}`, address })),
  });
  writeFileSync(
    config,
    stringify({
      ...{ gateway: testGateway, http: { port: opsPort }, journal: { flushMs: 50 }, uplink: { broker: broker.url } },
      devices: [device(tap.port)],
    }),
  );
  const agent = createProgram('edge-agent/src/main.ts', ['run', '--config', config], opsPort);
  onTestFinished(() => agent.kill());
  /** What came of a tag: its values, or the names of their qualities. */
  const cameOf = (name: string) =>
    cloud.batches.flatMap(({ tags, tagIndex, value, quality }) =>
      tagIndex.flatMap((index, n) => (tags[index]?.tag === name ? [value[n] ?? qualityName(quality[n] ?? 0)] : [])),
    );

  await agent.start();
  await waitFor(() => tap.asked.length > 3 && tap.asked.slice(-3).every((asked) => asked === betweenThem), {
    what: 'one request between them',
  });
  expect(tap.asked.filter((asked) => asked.endsWith('!')).length).toBeGreaterThan(missing.length);
  expect(await agent.stop()).toBe(0);

  tap.asked.length = 0;
  cloud.batches.length = 0;
  await agent.start();
  await waitFor(() => cameOf('w0').length > 0 && cameOf('w2').length > 0, { what: 'samples' });
  expect(cameOf('w0')[0]).toBe('bad/address');
  expect(cameOf('w2')[0]).toBe(102);
  expect(new Set(tap.asked)).toEqual(new Set([betweenThem]));

  await lacking.plant.close();
  await startDevice(devicePort, registers);
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'read', '--config', config, '--device', 'plc']);
  expect(stdout).toMatch(/w0 .*\b100\b.*good/);
  await waitFor(() => cameOf('w0').includes(100) && cameOf('w19').includes(119), {
    timeoutMs: 40_000,
    what: 'what is there by now',
  });
  await waitFor(() => tap.asked.at(-1) === '0+20', { what: 'one request for all' });
}, 120_000);
