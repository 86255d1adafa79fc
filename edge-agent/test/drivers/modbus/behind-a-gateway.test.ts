/** Several units by one connection. */
import { waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { registers, startPlc } from './plc.ts';
import { device, startRig, tcp } from './rig.ts';

test('a silent unit is not asked sooner because the connection is a new one', async () => {
  let isCut = false;
  const plc = await startPlc((ask, { send, socket }) => {
    if (isCut && plc.connections() === 1) socket.destroy();
    else if (ask.unit !== 9) send(registers(ask, [ask.unit]));
  });
  onTestFinished(() => plc.close());
  const link = tcp(plc.port);
  const devices = [5, 9].map((unit) =>
    device({ device: `d${unit}`, unit, link, timeoutMs: 200, tags: [{ tag: `u${unit}`, address: 0 }] }),
  );
  const rig = await startRig(devices);
  const askedSilent = (): number => plc.asks.filter(({ unit }) => unit === 9).length;
  for (let turn = 0; turn < 5; turn++) expect(await rig.read()).toEqual({ u5: 5, u9: 'bad/timeout' });
  expect(askedSilent()).toBe(3);
  isCut = true;
  await waitFor(async () => (await rig.read('d5')).u5 === 5);
  expect(plc.connections()).toBe(2);
  for (let turn = 0; turn < 5; turn++) expect(await rig.read()).toMatchObject({ u5: 5 });
  expect(askedSilent()).toBe(3);
});

test('a unit whose answers are none to its requests is told from one that is silent', async () => {
  const plc = await startPlc((ask, { send }) => send(registers(ask, ask.unit === 9 ? [9, 9] : [ask.unit])));
  onTestFinished(() => plc.close());
  const link = tcp(plc.port);
  const devices = [5, 9].map((unit) =>
    device({ device: `d${unit}`, unit, link, tags: [{ tag: `u${unit}`, address: 0 }] }),
  );
  const rig = await startRig(devices);
  for (let turn = 0; turn < 5; turn++) expect(await rig.read()).toEqual({ u5: 5, u9: 'bad/reply' });
  expect(plc.asks.filter(({ unit }) => unit === 9)).toHaveLength(3);
  expect(rig.driver.status()).toEqual([
    { device: 'd5', state: 'connected', trouble: null },
    { device: 'd9', state: 'troubled', trouble: `unit 9 sends nothing that is an answer on 127.0.0.1:${plc.port}` },
  ]);
});
