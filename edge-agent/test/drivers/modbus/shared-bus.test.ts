import { setTimeout as sleep } from 'node:timers/promises';
import { qualityName, type Sample } from '@fieldline/shared/contracts';
import { createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith } from '@fieldline/shared/testing';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { createModbusDriver } from '../../../src/drivers/modbus/driver.ts';
import { createPoller } from '../../../src/poller/poller.ts';
import { registers, withChecksum } from './plc.ts';
import { device } from './rig.ts';
import { pair, startLine } from './serial-line.ts';

const baudRate = 9_600;
/** Start, eight data bits, parity, stop. */
const characterMs = (11 * 1_000) / baudRate;
const unitCount = 30;
const deadUnit = 13;
const registerCount = 10;
/** Nearly all that the line can carry: a request and a reply take 38 ms on it, and its silences, the device and we some more. */
const everyMs = 1_550;
const timeoutMs = 250;
const turns = 7;

type Asked = { readonly unit: number; readonly atMs: number };

/** Thirty devices on a line that takes its time: a pseudo-terminal passes on all at once, so the answers are held back. */
async function startDevices(path: string): Promise<Asked[]> {
  const asked: Asked[] = [];
  const port = new SerialPort({ path, baudRate, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null ? resolve() : reject(error))));
  onTestFinished(() => new Promise<void>((resolve) => port.close(() => resolve())));
  let received: Buffer = Buffer.alloc(0);
  port.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (; received.length >= 8; received = received.subarray(8)) {
      const unit = received.readUInt8(0);
      asked.push({ unit, atMs: performance.now() });
      if (unit === deadUnit) continue;
      const values = Array.from({ length: registerCount }, (_, n) => 100 * unit + n);
      const reply = withChecksum(Buffer.concat([Buffer.of(unit), registers({ code: 3 }, values)]));
      setTimeout(() => port.write(reply), (8 + reply.length) * characterMs);
    }
  });
  return asked;
}

/** How long the dead unit had the line to itself: from its requests to those that follow. */
function heldMs(asked: readonly Asked[]): number {
  return asked.reduce(
    (sum, { unit, atMs }, n) => sum + (unit === deadUnit ? (asked[n + 1]?.atMs ?? atMs) - atMs : 0),
    0,
  );
}

describeWith(pair, 'thirty units at 9600 baud, one of them dead', () => {
  test('the others keep 95 % of their rate, and the dead one says why', async () => {
    const { ours, theirs } = await startLine();
    const asked = await startDevices(theirs);
    const devices = Array.from({ length: unitCount }, (_, n) =>
      device({
        device: `d${n + 1}`,
        unit: n + 1,
        link: { kind: 'rtu', path: ours, baudRate },
        everyMs,
        timeoutMs,
        tags: Array.from({ length: registerCount }, (_, address) => ({ tag: `w${address}`, address })),
      }),
    );
    const metrics = createMetrics();
    const parts = { clock: systemClock, log: silentLog, metrics };
    const unused = { emit: () => {}, declare: () => {}, heldSinceMs: () => null };
    const driver = createModbusDriver(devices, { ...parts, ...unused });
    onTestFinished(() => driver.close());
    const samples: Sample[] = [];
    const poller = createPoller({ ...parts, onSamples: (some) => void samples.push(...some) });
    driver.start();
    poller.start(driver.requests);
    await sleep(turns * everyMs);
    await poller.close();

    const firsts = samples.filter(({ tag }) => tag.tag === 'w0');
    const good = firsts.filter(({ quality }) => quality === 0);
    expect(good.every(({ tag, value }) => value === 100 * Number(tag.device.slice(1)))).toBe(true);
    expect(good.length).toBeGreaterThanOrEqual(0.95 * (unitCount - 1) * turns);
    const dead = firsts.filter(({ tag }) => tag.device === `d${deadUnit}`);
    expect(dead.length).toBeGreaterThanOrEqual(0.95 * turns - 1);
    expect(new Set(dead.map(({ quality }) => qualityName(quality)))).toEqual(new Set(['bad/timeout']));
    expect(driver.status()[deadUnit - 1]).toMatchObject({ state: 'troubled' });
    const silent = asked.filter(({ unit }) => unit === deadUnit);
    expect(silent.length).toBeGreaterThanOrEqual(3);
    expect(silent.length).toBeLessThanOrEqual(4);
    const afterGivenUp = asked.filter(({ atMs }) => atMs > (silent[2]?.atMs ?? 0));
    expect(heldMs(afterGivenUp)).toBeLessThan(0.02 * turns * everyMs);
  });
});
