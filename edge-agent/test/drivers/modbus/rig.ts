import { type FlightRecorderSettings, type ModbusDevice, modbusDeviceSchema } from '@fieldline/shared/config';
import { qualityName, type Value } from '@fieldline/shared/contracts';
import { type Clock, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';
import type { DriverContext, PollRequest } from '../../../src/drivers/driver.ts';
import { createModbusDriver } from '../../../src/drivers/modbus/driver.ts';

/** What a tag was read as: its value, or the name of its quality. */
export type Readings = Record<string, Value | string>;

export const device = (settings: object): ModbusDevice =>
  modbusDeviceSchema.parse({ device: 'plc', protocol: 'modbus', timeoutMs: 10_000, ...settings });

export const tcp = (port: number) => ({ kind: 'tcp', host: '127.0.0.1', port });
export const words = (...addresses: number[]) => addresses.map((address) => ({ tag: `w${address}`, address }));

/** A clock that tests can put forward. */
export function createTestClock() {
  let aheadMs = 0;
  return {
    now: () => systemClock.now() + aheadMs * 1_000,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    putForward: (ms: number) => {
      aheadMs += ms;
    },
  };
}

/** A driver with its devices, connected, closed after the test. */
export async function startRig(
  devices: readonly ModbusDevice[],
  clock: Clock = createTestClock(),
  heldSinceMs: DriverContext['heldSinceMs'] = () => null,
  recording?: FlightRecorderSettings,
  learnedFile: string | null = null,
) {
  const rig = startUnconnected(devices, clock, heldSinceMs, recording, learnedFile);
  await waitFor(rig.isConnected, { what: 'the link to be up' });
  return rig;
}

export function startUnconnected(
  devices: readonly ModbusDevice[],
  clock: Clock = createTestClock(),
  heldSinceMs: DriverContext['heldSinceMs'] = () => null,
  recording?: FlightRecorderSettings,
  learnedFile: string | null = null,
) {
  const metrics = createMetrics();
  const unused = { emit: () => {}, declare: () => {}, whenKept: () => {}, lastKept: () => null, standing: () => [] };
  const driver = createModbusDriver(
    devices,
    { clock, log: silentLog, metrics, heldSinceMs, ...unused },
    recording,
    learnedFile,
  );
  const never = new AbortController().signal;
  onTestFinished(() => driver.close());
  driver.start();
  const isConnected = (): boolean =>
    driver.status().every(({ state }) => state === 'connected' || state === 'troubled');
  const samplesOf = async (requests: readonly PollRequest[]) =>
    (await Promise.all(requests.map((request) => request.read(never)))).flat();
  return {
    driver,
    metrics,
    isConnected,
    samples: () => samplesOf(driver.requests),
    /** One turn of every request, or of those whose name contains the text. */
    read: async (name = ''): Promise<Readings> => {
      const samples = await samplesOf(driver.requests.filter((request) => request.name.includes(name)));
      return Object.fromEntries(samples.map(({ tag, value, quality }) => [tag.tag, value ?? qualityName(quality)]));
    },
  };
}
