import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { plantSchema } from '@fieldline/shared/config';
import { describeWith, findProgram } from '@fieldline/shared/testing';
import modbusSerial from 'modbus-serial';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPlant, startPlant } from '../../src/plant.ts';
import { plantPoints } from '../../src/points.ts';
import type { Served } from '../../src/served.ts';
import { ask, connectRaw, mbap, type RawClient } from './raw-client.ts';

const constant = (value: unknown): object => ({ kind: 'constant', value });
const point = (name: string, address: number, type: string, signal: object, more: object = {}): object => ({
  name,
  address,
  type,
  signal,
  ...more,
});
const counting = { kind: 'counter', start: '4294967294', perStep: 1, stepMs: 1 };

const plant = plantSchema.parse({
  plant: 'test',
  servers: [
    {
      protocol: 'modbus-tcp',
      name: 'bus',
      port: 0,
      units: [
        {
          name: 'plc',
          unit: 1,
          points: [
            point('level', 10, 'float32', { kind: 'sine', mean: 50, amplitude: 40, periodMs: 10_000 }),
            point('speed', 12, 'int16', constant(-123.4), { scale: 0.1 }),
            point('total', 16, 'uint64', constant('18446744073709551615')),
            point('count', 20, 'int64', counting),
            point('swapped', 24, 'uint32', constant(0xaabb_ccdd), { byteOrder: 'CDAB' }),
            point('mode', 30, 'string', constant('AUTO'), { registers: 4 }),
            point('bit3', 40, 'bool', constant(true), { bit: 3 }),
            point('bit12', 40, 'bool', constant(true), { bit: 12 }),
            point('on', 3, 'bool', constant(true), { table: 'coil' }),
            point('off', 4, 'bool', constant(false), { table: 'coil' }),
            point('far', 12, 'bool', constant(true), { table: 'coil' }),
            point('switch', 0, 'bool', constant(true), { table: 'discrete' }),
            point('voltage', 0, 'float32', constant(231.5), { table: 'input' }),
          ],
        },
        {
          name: 'wide',
          unit: 2,
          points: [
            point('first', 0, 'uint16', constant(1)),
            point('last', 65_535, 'uint16', constant(2)),
            point('bit', 0, 'bool', constant(true), { table: 'coil' }),
            point('lastbit', 65_535, 'bool', constant(true), { table: 'coil' }),
          ],
        },
      ],
    },
  ],
});

let running: RunningPlant;
let port: number;
const served: Served[] = [];
beforeAll(async () => {
  running = await startPlant(plant, { onServed: (some) => served.push(...some) });
  port = running.servers[0]?.port ?? 0;
});
afterAll(() => running.close());

async function withRaw<T>(work: (client: RawClient) => Promise<T>): Promise<T> {
  const client = await connectRaw(port);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

describe('a foreign client (modbus-serial)', () => {
  const client = new modbusSerial.default();
  beforeAll(async () => {
    await client.connectTCP('127.0.0.1', { port });
    client.setID(1);
  });
  afterAll(() => client.destroy(() => {}));

  test('reads every table and type', async () => {
    const { buffer } = await client.readHoldingRegisters(12, 29);
    expect(buffer.readInt16BE(0)).toBe(-1234);
    expect(buffer.readBigUInt64BE(8)).toBe(18446744073709551615n);
    expect(buffer.subarray(24, 28).toString('hex')).toBe('ccddaabb');
    expect(buffer.subarray(36, 44).toString('latin1')).toBe('AUTO\0\0\0\0');
    expect(buffer.readUInt16BE(56)).toBe(0x1008);
    expect((await client.readCoils(3, 10)).data.slice(0, 10)).toEqual([true, ...Array(8).fill(false), true]);
    expect((await client.readDiscreteInputs(0, 1)).data[0]).toBe(true);
    expect((await client.readInputRegisters(0, 2)).buffer.readFloatBE(0)).toBe(231.5);
  });

  test('gets the value of the instant that the evidence names, which anybody can recompute', async () => {
    served.length = 0;
    const { buffer } = await client.readHoldingRegisters(10, 2);
    const [level] = served;
    const expected = plantPoints(plant)
      .find(({ name }) => name === 'level')
      ?.valueAt((level?.time ?? 0) / 1_000);
    expect(served).toEqual([{ time: level?.time, device: 'plc', point: 'level', value: expected }]);
    expect(buffer.readFloatBE(0)).toBe(expected);
    expect(Math.abs((level?.time ?? 0) / 1_000 - Date.now())).toBeLessThan(60_000);
  });

  test('writes stay until the server restarts, and are what the evidence shows', async () => {
    await client.writeCoil(4, true);
    await client.writeRegisters(10, [0x42f6, 0xe979]);
    await client.writeRegister(12, 5);
    served.length = 0;
    expect((await client.readHoldingRegisters(10, 3)).buffer.readFloatBE(0)).toBeCloseTo(123.456, 3);
    expect((await client.readCoils(4, 1)).data[0]).toBe(true);
    expect(served.map(({ point: name, value }) => [name, value])).toEqual([
      ['level', Math.fround(123.456)],
      ['speed', 0.5],
      ['off', true],
    ]);
    await running.faults.set({ server: 'bus' }, { kind: 'refuse' });
    await running.faults.clear();
    await withRaw(async (raw) => {
      expect(await ask(raw, 1, '03000c0001')).toBe('0302fb2e');
      expect(await ask(raw, 1, '0100040001')).toBe('010100');
    });
  });
});

describe('answers by the standard', () => {
  test('a mask write by the example of clause 6.16, and a write that is read in the same request', async () => {
    await withRaw(async (raw) => {
      expect(await ask(raw, 1, '06000c0012')).toBe('06000c0012');
      expect(await ask(raw, 1, '16000c00f20025')).toBe('16000c00f20025');
      expect(await ask(raw, 1, '03000c0001')).toBe('03020017');
      expect(await ask(raw, 1, '17000a0003000a000204aabbccdd')).toBe('1706aabbccdd0017');
      expect(await ask(raw, 1, '17000a0003000a000204aabbcc')).toBe('9703');
      expect(await ask(raw, 1, '16ffff00f20025')).toBe('9602');
    });
  });

  test('a device can say yes to a write and leave it, or do it and keep silent', async () => {
    await withRaw(async (raw) => {
      await ask(raw, 1, '06000c0001');
      await running.faults.set({ server: 'bus', part: 'plc' }, { kind: 'ignore-writes' });
      expect(await ask(raw, 1, '06000c0002')).toBe('06000c0002');
      expect(await ask(raw, 1, '03000c0001')).toBe('03020001');
      await running.faults.set({ server: 'bus', part: 'plc' }, { kind: 'mute-writes' });
      raw.send(mbap(1, 1, [...Buffer.from('06000c0003', 'hex')]));
      expect(await ask(raw, 1, '03000c0001')).toBe('03020003');
      await running.faults.clear();
    });
  });

  test.each([
    ['an unknown function', 1, '2b0e0100', 'ab01'],
    ['no registers', 1, '03000a0000', '8303'],
    ['126 registers', 2, '030000007e', '8303'],
    ['2001 coils', 2, '01000007d1', '8103'],
    ['a register below the map', 1, '0300090001', '8302'],
    ['registers beyond the map', 1, '0300280002', '8302'],
    ['registers beyond 65535', 2, '03ffff0002', '8302'],
    ['a table without points', 2, '0400000001', '8402'],
    ['a request that is too short', 1, '03000a00', '8303'],
    ['a coil neither on nor off', 1, '0500030001', '8503'],
    ['a coil beyond the map', 1, '0500ffff00', '8502'],
    ['a register to write beyond the map', 1, '0600ff0001', '8602'],
    ['124 registers to write', 2, `100000007cf6${'00'.repeat(246)}`, '9003'],
    ['a byte count that does not agree', 1, '10000a000204000100', '9003'],
    ['1969 coils to write', 2, `0f000007b1f7${'00'.repeat(247)}`, '8f03'],
    ['a unit that is not there', 77, '0300000001', '830b'],
  ])('%s', async (_, unit, request, answer) => {
    expect(await withRaw((client) => ask(client, unit, request))).toBe(answer);
  });

  test('125 registers and 2000 coils are the most, holes between points read as 0', async () => {
    await withRaw(async (client) => {
      expect(await ask(client, 2, '030000007d')).toBe(`03fa0001${'0000'.repeat(124)}`);
      expect(await ask(client, 2, '03ffff0001')).toBe('03020002');
      expect(await ask(client, 2, '01000007d0')).toBe(`01fa01${'00'.repeat(249)}`);
      expect(await ask(client, 2, '01ffff0001')).toBe('010101');
    });
  });

  test('several coils are written and read back', async () => {
    await withRaw(async (client) => {
      expect(await ask(client, 2, '0f0010000a02cd01')).toBe('0f0010000a');
      expect(await ask(client, 2, '010010000a')).toBe('0102cd01');
    });
  });

  test('a part of a value is served, but is no evidence', async () => {
    served.length = 0;
    expect(await withRaw((client) => ask(client, 1, '0300110001'))).toBe('0302ffff');
    expect(await withRaw((client) => ask(client, 1, '0300180001'))).toBe('0302ccdd');
    expect(served).toEqual([]);
  });

  test('a value in several registers is never torn, though it changes all the time', async () => {
    await withRaw(async (client) => {
      for (let turn = 0; turn < 50; turn++) {
        served.length = 0;
        const answer = await ask(client, 1, '0300140004');
        expect(BigInt.asIntN(64, BigInt(`0x${answer.slice(4)}`))).toBe(served[0]?.value);
      }
    });
  });
});

describe('streams', () => {
  test('requests that come byte by byte are answered', async () => {
    await withRaw(async (client) => {
      for (const byte of mbap(7, 1, [3, 0, 24, 0, 2])) {
        client.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await client.receive(13)).toString('hex')).toBe('0007000000070103' + '04ccddaabb');
    });
  });

  test('requests that come in one piece are answered in order', async () => {
    await withRaw(async (client) => {
      client.send(Buffer.concat([1, 2, 3].map((transaction) => mbap(transaction, 1, [3, 0, 24, 0, 1]))));
      const answers = await client.receive(3 * 11);
      expect([0, 11, 22].map((at) => answers.readUInt16BE(at))).toEqual([1, 2, 3]);
    });
  });

  test('what is no Modbus ends the connection, not the server', async () => {
    await withRaw(async (client) => {
      client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      await expect(client.receive(1)).rejects.toThrow('closed');
    });
    expect(await withRaw((client) => ask(client, 1, '0300180001'))).toBe('0302ccdd');
  });
});

const mbpoll = findProgram('mbpoll');
const requirement = { name: 'mbpoll', skipReason: mbpoll === null ? 'not installed (Debian package mbpoll)' : null };
describeWith(requirement, 'a foreign program (mbpoll)', () => {
  test('reads what the plant says', async () => {
    const poll = (...options: string[]): Promise<{ stdout: string }> =>
      promisify(execFile)(mbpoll ?? '', [
        '-m',
        'tcp',
        '-p',
        String(port),
        '-0',
        '-1',
        '-a',
        '1',
        ...options,
        '127.0.0.1',
      ]);
    expect((await poll('-t', '3:float', '-B', '-r', '0', '-c', '1')).stdout).toMatch(/\[0\]:\s+231\.5/);
    expect((await poll('-t', '4:hex', '-r', '24', '-c', '2')).stdout).toMatch(/\[24\]:\s+0xCCDD\s+\[25\]:\s+0xAABB/);
    expect((await poll('-t', '1', '-r', '0', '-c', '1')).stdout).toMatch(/\[0\]:\s+1/);
  });
});
