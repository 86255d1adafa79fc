/** Devices that dial in, where they are cut or say nothing. */
import { freePort, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { dialIn, registers } from './plc.ts';
import { device, startUnconnected, words } from './rig.ts';

const listen = (port: number) => ({ kind: 'listen', port, framing: 'rtu' });

test('a device that dials in is read at once, however often it was cut before it answered', async () => {
  const port = await freePort();
  const rig = startUnconnected([device({ link: listen(port), tags: words(0) })]);
  const isConnected = (): boolean => rig.driver.status()[0]?.state === 'connected';
  const options = { timeoutMs: 1_500 };
  for (let call = 0; call < 5; call++) {
    const { socket } = await waitFor(() => dialIn(port, 'rtu', () => {}).catch(() => null));
    await waitFor(isConnected, options);
    socket.destroy();
    await waitFor(() => !isConnected());
  }
  await dialIn(port, 'rtu', (ask, { send }) => send(registers(ask, [6])));
  await waitFor(async () => (await rig.read()).w0 === 6, options);
});

test('only so many callers are waited for to say who they are, and each for ten seconds', async () => {
  const port = await freePort();
  const link = { ...listen(port), registration: 'PUMP-1' };
  const rig = startUnconnected([device({ link, tags: words(0) })]);
  const strangers = async (): Promise<number> =>
    Number((await rig.metrics.text()).match(/fieldline_modbus_strangers_total (\d+)/)?.[1] ?? 0);
  const call = () => dialIn(port, 'rtu', () => {}, ['PUMP']);
  const startedMs = performance.now();
  const callers = [await waitFor(() => call().catch(() => null))];
  while (callers.length < 64) callers.push(await call());
  expect(await strangers()).toBe(0);
  const oneMore = await call();
  await oneMore.closed;
  expect(await strangers()).toBe(1);
  await Promise.all(callers.map(({ closed }) => closed));
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(9_900);
  expect(await strangers()).toBe(65);
});
