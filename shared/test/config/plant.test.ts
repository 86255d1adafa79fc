import { expect, test } from 'vitest';
import { plantSchema } from '../../src/config/plant.ts';

const constant = { kind: 'constant', value: 1 };
const problemsOf = (...points: Record<string, unknown>[]): string[] => {
  const units = [
    { name: 'plc', points: points.map((point, index) => ({ name: `p${index}`, signal: constant, ...point })) },
  ];
  return messagesOf({ plant: 'p', servers: [{ protocol: 'modbus-tcp', units }] });
};
const messagesOf = (plant: unknown): string[] =>
  (plantSchema.safeParse(plant).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

test('points that share a register are refused, bits of one register are not', () => {
  expect(problemsOf({ address: 0, type: 'float32' }, { address: 1 })).toEqual([
    'servers.0.units.0.points.1.address: holding 1 already belongs to p0',
  ]);
  const bit = (number: number): object => ({ address: 0, type: 'bool', bit: number });
  expect(problemsOf({ ...bit(0) }, { ...bit(1) }, { ...bit(15) })).toEqual([]);
  expect(problemsOf({ ...bit(0) }, { ...bit(1) }, { ...bit(0) })).toHaveLength(1);
  expect(problemsOf({ ...bit(0) }, { address: 0 })).toHaveLength(1);
  expect(problemsOf({ address: 0 }, { address: 0, table: 'input' })).toEqual([]);
});

test.each([
  [{ address: 0, table: 'coil', type: 'int16' }, 'type: a coil holds one bit'],
  [{ address: 0, type: 'bool' }, 'type: bool in a register needs bit'],
  [{ address: 0, type: 'string' }, 'type: string needs registers'],
  [{ address: 65_535, type: 'float32' }, 'address: the last register is 65535'],
  [{ address: 0, scale: 0 }, 'scale: scale 0 leaves nothing'],
  [
    { address: 0, signal: { kind: 'random-walk', start: 0, step: 1, minimum: 2, maximum: 1 } },
    'signal.maximum: must not be below',
  ],
])('%j is refused', (point, message) => {
  expect(problemsOf(point)).toEqual([expect.stringContaining(`servers.0.units.0.points.0.${message}`)]);
});

test('names and unit numbers are given once', () => {
  const points = [{ name: 'x', address: 0, signal: constant }];
  const unit = (name: string, number: number): object => ({ name, unit: number, points });
  const server = (...units: object[]): object => ({ protocol: 'modbus-tcp', units });
  expect(problemsOf({ address: 0, name: 'x' }, { address: 1, name: 'x' })).toHaveLength(1);
  expect(messagesOf({ plant: 'p', servers: [server(unit('a', 1), unit('b', 1))] })).toEqual([
    'servers.0.units.1.unit: another unit of this server has this number',
  ]);
  expect(messagesOf({ plant: 'p', servers: [server(unit('a', 1)), server(unit('a', 1))] })).toEqual([
    'servers.1.units.0.name: another device or server of this plant has this name',
  ]);
  const nodes = [
    { name: 'x', signal: constant },
    { name: 'x', signal: constant },
  ];
  expect(messagesOf({ plant: 'p', servers: [{ protocol: 'opcua', name: 'line', nodes }] })).toEqual([
    'servers.0.nodes.1.name: another node of this server has this name',
  ]);
});
