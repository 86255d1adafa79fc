/** The driver's writing against the simulator: what the device holds afterwards is read by a client of another library. */
import { modbusDeviceSchema } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';
import modbusSerial from 'modbus-serial';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TagWriter, WriteOrder } from '../../../edge-agent/src/drivers/driver.ts';
import { createTestClock, startRig } from '../../../edge-agent/test/drivers/modbus/rig.ts';
import { startSimulatedDevice } from '../simulated-device.ts';

const constant = (value: unknown): object => ({ kind: 'constant', value });
const limits = { min: -1e9, max: 1e9 };
const points = [
  { name: 'coil', address: 0, table: 'coil', type: 'bool', signal: constant(false) },
  { name: 'coil15', address: 1, table: 'coil', type: 'bool', signal: constant(false) },
  { name: 'setpoint', address: 0, type: 'int16', scale: 0.1, signal: constant(20) },
  { name: 'speed', address: 2, type: 'float32', signal: constant(1) },
  { name: 'total', address: 4, type: 'uint64', signal: constant('1') },
  { name: 'flags', address: 8, type: 'uint16', signal: constant(0xf0f0) },
  { name: 'factor', address: 9, type: 'int16', signal: constant(-1) },
  { name: 'scaled', address: 10, type: 'int16', signal: constant(100) },
  { name: 'both', address: 12, type: 'uint32', signal: constant(7) },
  { name: 'label', address: 14, type: 'string', registers: 3, signal: constant('AUTO') },
  { name: 'swappedFactor', address: 17, type: 'uint16', signal: constant(0x0100) },
  { name: 'swapped', address: 18, type: 'uint16', signal: constant(0x0500) },
];
const tags = [
  { tag: 'coil', address: 0, table: 'coil', type: 'bool', write: {} },
  { tag: 'coil15', address: 1, table: 'coil', type: 'bool', write: { functionCode: 15 } },
  { tag: 'setpoint', address: 0, type: 'int16', scale: 0.1, write: limits },
  { tag: 'setpoint16', address: 0, type: 'int16', write: { ...limits, functionCode: 16 } },
  { tag: 'speed', address: 2, type: 'float32', write: limits },
  { tag: 'total', address: 4, type: 'uint64', write: limits },
  { tag: 'bit', address: 8, type: 'bool', bit: 0, write: {} },
  { tag: 'field', address: 8, type: 'uint16', bits: [4, 7], write: limits },
  { tag: 'byte', address: 8, type: 'uint8', byte: 'high', write: { ...limits, readModifyWrite: true } },
  { tag: 'scaled', address: 10, type: 'int16', scaleFactor: 9, write: limits },
  { tag: 'both', address: 12, type: 'uint32', write: { ...limits, functionCode: 23 } },
  { tag: 'label', address: 14, type: 'string', registers: 3, write: {} },
  { tag: 'swapped', address: 18, type: 'uint16', byteOrder: 'BADC', scaleFactor: 17, write: limits },
  { tag: 'outside', address: 500, type: 'uint16', write: limits },
];

const kinds = { tcp: 'modbus-tcp', 'rtu-over-tcp': 'modbus-rtu-over-tcp' } as const;

async function start(kind: keyof typeof kinds = 'tcp', clock = createTestClock()) {
  const { plant, port } = await startSimulatedDevice({ protocol: kinds[kind], points });
  const device = modbusDeviceSchema.parse({
    ...{ device: 'plc', protocol: 'modbus', timeoutMs: 500, tags },
    link: { kind, host: '127.0.0.1', port },
  });
  const rig = await startRig([device], clock);
  const writer = rig.driver.writer as TagWriter;
  const tagOf = (name: string) => rig.driver.tags.find(({ tag }) => tag === name) as (typeof rig.driver.tags)[number];
  const write = (name: string, value: Value, permit: WriteOrder['permit'] = () => null) =>
    writer.write(tagOf(name), { value, permit });
  const other = new modbusSerial.default();
  if (kind === 'tcp') await other.connectTCP('127.0.0.1', { port });
  else await other.connectTelnet('127.0.0.1', { port });
  other.setID(1);
  onTestFinished(() => other.close(() => {}));
  const words = async (address: number, count = 1) => (await other.readHoldingRegisters(address, count)).data;
  const read = async (name: string) => (await writer.read(tagOf(name))).value;
  return { plant, rig, write, words, read, other };
}

describe.each(['tcp', 'rtu-over-tcp'] as const)('over %s', (kind) => {
  test('every function writes what it must and nothing besides, and it is read back as what was said', async () => {
    const { write, words, read, other } = await start(kind);
    const accepted = async (name: string, value: Value, before: Value): Promise<void> => {
      expect(await write(name, value), name).toEqual({ kind: 'accepted', problem: null, before, written: value });
      expect(await read(name), name).toBe(value);
    };
    await accepted('coil', true, false);
    await accepted('coil15', true, false);
    expect((await other.readCoils(0, 2)).data.slice(0, 2)).toEqual([true, true]);
    await accepted('setpoint', 21.5, 20);
    expect(await words(0)).toEqual([215]);
    await accepted('setpoint16', -300, 215);
    expect(await words(0)).toEqual([0x10000 - 300]);
    await accepted('speed', Math.fround(123.456), 1);
    expect(await words(2, 2)).toEqual([0x42f6, 0xe979]);
    await accepted('total', 2n ** 64n - 1n, 1n);
    expect(await words(4, 4)).toEqual([0xffff, 0xffff, 0xffff, 0xffff]);
    await accepted('both', 0x0001_0002, 7);
    expect(await words(12, 2)).toEqual([1, 2]);
    await accepted('label', 'HAND1', 'AUTO');
    expect(await words(14, 3)).toEqual([0x4841, 0x4e44, 0x3100]);
  });

  test('a part of a register leaves the rest as it is, by mask or read and written whole', async () => {
    const { write, words } = await start(kind);
    expect(await write('bit', true)).toMatchObject({ kind: 'accepted', before: false, written: true });
    expect(await words(8)).toEqual([0xf0f1]);
    expect(await write('field', 5)).toMatchObject({ kind: 'accepted', before: 15, written: 5 });
    expect(await words(8)).toEqual([0xf051]);
    expect(await write('byte', 0x12)).toMatchObject({ kind: 'accepted', before: 0xf0, written: 0x12 });
    expect(await words(8)).toEqual([0x1251]);
  });
});

test('a scale factor is taken as it stands in the device', async () => {
  const { write, words } = await start();
  expect(await write('scaled', 23.4)).toMatchObject({ kind: 'accepted', before: 10, written: 23.4 });
  expect(await words(10)).toEqual([234]);
});

test('a scale factor has its bytes in the order of its tag', async () => {
  const { write, words } = await start();
  expect(await write('swapped', 60)).toMatchObject({ kind: 'accepted', before: 50, written: 60 });
  expect(await words(18)).toEqual([0x0600]);
});

test('a value between two register values is refused with the one that would be written', async () => {
  const { write, words } = await start();
  const result = await write('setpoint', 21.53);
  expect(result).toMatchObject({
    kind: 'not-sent',
    before: 20,
    written: null,
    problem: { reason: 'not-representable' },
  });
  expect(result.problem?.message).toContain('21.5 would be written');
  expect(await write('setpoint', 5_000)).toMatchObject({ problem: { reason: 'not-representable' } });
  expect(await words(0)).toEqual([200]);
});

test('nothing is sent without leave, which is asked with what the device holds', async () => {
  const { write, words } = await start();
  const asked: unknown[] = [];
  const problem = { reason: 'not-expected', message: 'no' } as const;
  const result = await write('setpoint', 30, (before) => {
    asked.push(before);
    return problem;
  });
  expect(asked).toEqual([20]);
  expect(result).toEqual({ kind: 'not-sent', problem, before: 20, written: null });
  expect(await words(0)).toEqual([200]);
});

test('what the device says no to, does not have, or does not answer is told apart', async () => {
  const { plant, write, words } = await start();
  expect(await write('outside', 1)).toMatchObject({ kind: 'not-sent', problem: { reason: 'not-readable' } });
  const plc = { server: 'bus', part: 'plc' };
  await plant.faults.set(plc, { kind: 'mute-writes' });
  const muted = await write('setpoint', 30);
  expect(muted).toMatchObject({ kind: 'unanswered', written: 30, problem: { reason: 'no-answer' } });
  expect(await words(0)).toEqual([300]);
  await plant.faults.clear();
  const noFunction = await write('setpoint', 31, () => {
    void plant.faults.set(plc, { kind: 'exception', code: 1 });
    return null;
  });
  expect(noFunction).toMatchObject({ kind: 'rejected', problem: { reason: 'exception' } });
  expect(noFunction.problem?.message).toContain('it has no function 6');
  await plant.faults.set({ server: 'bus' }, { kind: 'refuse' });
  expect(await write('setpoint', 32)).toMatchObject({ kind: 'not-sent', written: null });
});

test('a write goes before polls that wait already, and none comes between its reading and its writing', async () => {
  const { plant, rig, write } = await start();
  const order: string[] = [];
  await plant.faults.set({ server: 'bus', part: 'plc' }, { kind: 'delay', delayMs: 50 });
  const never = new AbortController().signal;
  const polls = rig.driver.requests.map(async (request) => {
    await request.read(never);
    order.push('poll');
  });
  const writing = write('setpoint', 22).then(({ kind }) => order.push(kind));
  await Promise.all([...polls, writing]);
  expect(polls.length).toBeGreaterThan(2);
  expect(order.indexOf('accepted')).toBeLessThanOrEqual(1);
});
