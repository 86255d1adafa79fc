/** Read File Record (Application Protocol v1.1b3, 6.14): frames written by hand, and a client of another library. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { plantSchema } from '@fieldline/shared/config';
import { describeWith } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startPlant } from '../../src/plant.ts';
import type { Served } from '../../src/served.ts';
import { ask, connectRaw } from './raw-client.ts';

const constant = (value: unknown): object => ({ kind: 'constant', value });
const points = [
  { name: 'example-4', file: 4, record: 1, type: 'uint32', signal: constant(0x0dfe_0020) },
  { name: 'example-3', file: 3, record: 9, type: 'uint32', signal: constant(0x33cd_0040) },
  { name: 'wide', file: 3, record: 12, type: 'uint16', signal: constant(7) },
  { name: 'last', file: 7, record: 9_999, type: 'int16', signal: constant(-1) },
  { name: 'first', file: 7, record: 9_800, type: 'int16', signal: constant(1) },
];

async function start() {
  const served: Served[] = [];
  const running = await startPlant(
    plantSchema.parse({
      plant: 'files',
      servers: [{ protocol: 'modbus-tcp', name: 'bus', port: 0, units: [{ name: 'plc', points }] }],
    }),
    { onServed: (values) => served.push(...values) },
  );
  onTestFinished(() => running.close());
  return { port: running.servers[0]?.port ?? 0, served };
}

async function startRaw() {
  const { port, served } = await start();
  const client = await connectRaw(port);
  onTestFinished(() => client.close());
  return { served, asked: (pdu: string) => ask(client, 1, pdu.replaceAll(' ', '')) };
}

const words = (text: string): string => text.replaceAll(' ', '').toLowerCase();

describe('files of a unit', () => {
  test('are read as in the example of the specification, and what was served is told', async () => {
    const { asked, served } = await startRaw();
    const answer = await asked('14 0E 06 0004 0001 0002 06 0003 0009 0002');
    expect(answer).toBe(words('14 0C 05 06 0DFE 0020 05 06 33CD 0040'));
    expect(served.map(({ point, value }) => [point, value])).toEqual([
      ['example-4', 0x0dfe_0020],
      ['example-3', 0x33cd_0040],
    ]);
  });

  test('reach from their first to their last point, and holes between read as 0', async () => {
    const { asked } = await startRaw();
    expect(await asked('14 07 06 0003 0009 0004')).toBe(words('14 0A 09 06 33CD 0040 0000 0007'));
    expect(await asked('14 07 06 0007 270F 0001')).toBe(words('14 04 03 06 FFFF'));
  });

  test.each([
    ['a file that is not there', '14 07 06 0005 0000 0001', 2],
    ['a record that is not there', '14 07 06 0004 0000 0001', 2],
    ['records beyond the end of the file', '14 07 06 0007 270F 0002', 2],
    ['another reference type', '14 07 05 0004 0001 0002', 2],
    ['no records', '14 07 06 0004 0001 0000', 2],
    ['nothing at all', '14 00', 3],
    ['a byte count that is not that of places', '14 08 06 0004 0001 0002 00', 3],
    ['a byte count that is not that of the request', '14 0E 06 0004 0001 0002', 3],
    ['more than an answer holds', '14 07 06 0007 2648 007A', 3],
  ])('%s is an exception', async (_what, pdu, code) => {
    const { asked } = await startRaw();
    expect(await asked(pdu)).toBe(`940${code}`);
  });

  test('give as much as an answer holds', async () => {
    const { asked } = await startRaw();
    expect(await asked('14 07 06 0007 2648 0079')).toBe(words(`14 F4 F3 06 0001 ${'0000'.repeat(120)}`));
  });

  test('have no point twice', () => {
    const again = { name: 'again', file: 4, record: 2, signal: constant(0) };
    const plant = {
      plant: 'files',
      servers: [{ protocol: 'modbus-tcp', units: [{ name: 'plc', points: [...points, again] }] }],
    };
    expect(JSON.stringify(plantSchema.safeParse(plant).error?.issues)).toContain(
      'file 4 record 2 already belongs to example-4',
    );
  });
});

const { status } = spawnSync('python3', ['-c', 'import pymodbus.client'], { stdio: 'ignore' });
const pymodbus = {
  name: 'pymodbus',
  skipReason: status === 0 ? null : 'missing: pip install "pymodbus[serial]==3.11.4"',
};

describeWith(pymodbus, 'files read by a client of pymodbus', () => {
  test('are what the plant says, several in one request', async () => {
    const { port } = await start();
    const script = fileURLToPath(new URL('pymodbus_files.py', import.meta.url));
    const { stdout } = await promisify(execFile)('python3', [script, String(port)]);
    expect(JSON.parse(stdout)).toEqual({ there: ['0dfe0020', '33cd004000000007'], missing: 2 });
  });
});
