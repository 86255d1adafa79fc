import { createMetrics } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { deviceTroubles, watchDevices } from '../src/device-status.ts';
import { exception, memory, startPlc } from './drivers/modbus/plc.ts';
import { device, startUnconnected, tcp, words } from './drivers/modbus/rig.ts';

async function plcPort(...answer: Parameters<typeof startPlc>): Promise<number> {
  const plc = await startPlc(...answer);
  onTestFinished(() => plc.close());
  return plc.port;
}

test('a device that answers is connected, and what it does not give is told; one that is away is not', async () => {
  const holes = await plcPort(memory(new Set([1, 2])));
  const failing = await plcPort((ask, { send }) => send(exception(ask, 6)));
  const { driver, samples } = startUnconnected([
    device({ device: 'holes', link: tcp(holes), tags: words(0, 1, 2, 3) }),
    device({ device: 'failing', link: tcp(failing), tags: words(0, 1) }),
    device({ device: 'away', link: tcp(1), tags: words(0) }),
  ]);
  const metrics = createMetrics();
  onTestFinished(watchDevices([driver], metrics));
  for (let turn = 0; turn < 3; turn++) await samples();
  await waitFor(async () => (await metrics.text()).includes('device="away"'), { what: 'the gauge' });
  const text = await metrics.text();
  expect(['holes', 'failing', 'away'].map((name) => text.match(`device_connected{device="${name}"} (.)`)?.[1])).toEqual(
    ['1', '1', '0'],
  );
  expect(deviceTroubles([driver])).toMatch(
    /^1 of 3 devices not connected, e\.g\. away: .*; holes: it refuses 2 of its tags: w1, w2; failing: it answers every request with exception 6 \(server device busy\)$/,
  );
});
