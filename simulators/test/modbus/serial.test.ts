import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { plantSchema } from '@fieldline/shared/config';
import { describeWith, findProgram, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import modbusSerial from 'modbus-serial';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPlant, startPlant } from '../../src/plant.ts';

const units = [
  {
    name: 'drive',
    unit: 17,
    points: [
      { name: 'speed', address: 0, type: 'uint16', signal: { kind: 'constant', value: 1450 } },
      { name: 'power', address: 1, type: 'float32', signal: { kind: 'constant', value: 7.5 } },
    ],
  },
  {
    name: 'meter',
    unit: 18,
    points: [{ name: 'x', address: 0, type: 'int16', signal: { kind: 'constant', value: -3 } }],
  },
];

const socat = findProgram('socat');
const mbpoll = findProgram('mbpoll');
const needs = (name: string, path: string | null): { name: string; skipReason: string | null } => ({
  name,
  skipReason: path === null ? `not installed (Debian package ${name})` : null,
});

describeWith(needs('socat', socat), 'RTU on a serial path', () => {
  const folder = temporaryFolder();
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  let cable: ChildProcess;
  let running: RunningPlant;

  beforeAll(async () => {
    cable = spawn(socat ?? '', [`pty,raw,echo=0,link=${ours}`, `pty,raw,echo=0,link=${theirs}`], { stdio: 'ignore' });
    await waitFor(() => existsSync(ours) && existsSync(theirs), { what: 'the pty pair' });
    running = await startPlant(
      plantSchema.parse({
        plant: 'test',
        servers: [{ protocol: 'modbus-rtu', name: 'bus', path: ours, baudRate: 115_200, parity: 'none', units }],
      }),
    );
  });
  afterAll(async () => {
    await running.close();
    cable.kill();
  });

  describe('a foreign client (modbus-serial)', () => {
    const client = new modbusSerial.default();
    beforeAll(async () => {
      await client.connectRTUBuffered(theirs, { baudRate: 115_200, parity: 'none' });
      client.setTimeout(2_000);
    });
    afterAll(() => new Promise<void>((resolve) => client.close(() => resolve())));

    test('reads several units of one line, and refusals', async () => {
      client.setID(17);
      expect((await client.readHoldingRegisters(1, 2)).buffer.readFloatBE(0)).toBe(7.5);
      client.setID(18);
      expect((await client.readHoldingRegisters(0, 1)).buffer.readInt16BE(0)).toBe(-3);
      await expect(client.readHoldingRegisters(5, 1)).rejects.toMatchObject({ modbusCode: 2 });
    });

    test('hears nothing of a unit that is not there', async () => {
      client.setID(99);
      client.setTimeout(200);
      await expect(client.readHoldingRegisters(0, 1)).rejects.toMatchObject({ errno: 'ETIMEDOUT' });
      client.setTimeout(2_000);
    });

    test('finds the line again after it was down', async () => {
      await running.faults.set({ server: 'bus' }, { kind: 'refuse' });
      client.setID(17);
      client.setTimeout(200);
      await expect(client.readHoldingRegisters(0, 1)).rejects.toMatchObject({ errno: 'ETIMEDOUT' });
      await running.faults.clear({ server: 'bus' });
      client.setTimeout(2_000);
      expect((await client.readHoldingRegisters(0, 1)).data).toEqual([1450]);
    });
  });

  describeWith(needs('mbpoll', mbpoll), 'a foreign program (mbpoll)', () => {
    test('reads what the plant says', async () => {
      const options = [
        '-m',
        'rtu',
        '-b',
        '115200',
        '-P',
        'none',
        '-0',
        '-1',
        '-a',
        '17',
        '-t',
        '4',
        '-r',
        '0',
        '-c',
        '1',
      ];
      const { stdout } = await promisify(execFile)(mbpoll ?? '', [...options, theirs]);
      expect(stdout).toMatch(/\[0\]:\s+1450/);
    });
  });
});

test('a serial path that is not there is named', async () => {
  const plant = plantSchema.parse({
    plant: 'test',
    servers: [{ protocol: 'modbus-rtu', path: '/dev/not-there', units }],
  });
  await expect(startPlant(plant)).rejects.toMatchObject({
    code: 'device/unreachable',
    message: expect.stringContaining('/dev/not-there'),
  });
});

test('RTU over TCP speaks RTU frames on a socket', async () => {
  const running = await startPlant(
    plantSchema.parse({ plant: 'test', servers: [{ protocol: 'modbus-rtu-over-tcp', port: 0, units }] }),
  );
  const client = new modbusSerial.default();
  await client.connectTelnet('127.0.0.1', { port: running.servers[0]?.port ?? 0 });
  client.setID(17);
  expect((await client.readHoldingRegisters(0, 1)).data).toEqual([1450]);
  client.setID(99);
  client.setTimeout(200);
  await expect(client.readHoldingRegisters(0, 1)).rejects.toMatchObject({ errno: 'ETIMEDOUT' });
  client.destroy(() => {});
  await running.close();
});
