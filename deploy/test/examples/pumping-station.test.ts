import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { edgeSchema, ingestSchema, loadConfig, type Plant, plantSchema } from '@fieldline/shared/config';
import { type ValueType, valueTypes } from '@fieldline/shared/contracts';
import { plantPoints, startPlant } from '@fieldline/simulators';
import { describe, expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../../examples/pumping-station');
const plant = loadConfig(plantSchema, join(folder, 'plant.yaml'));
const edge = loadConfig(edgeSchema, join(folder, 'edge.yaml'));
const points = plantPoints(plant, folder);

type Server = Plant['servers'][number];
const serverOf = (device: string): Server => {
  const found = plant.servers.find((server) =>
    server.protocol === 'opcua' ? server.name === device : server.units.some(({ name }) => name === device),
  );
  if (found === undefined) throw new Error(`no server of the plant has a device ${device}`);
  return found;
};

test('the settings of the cloud are valid, and on this machine alone', () => {
  const ingest = loadConfig(ingestSchema, join(folder, 'ingest.yaml'));
  expect(ingest.backbone).toMatchObject({ kind: 'embedded', folder: './backbone' });
  expect(ingest.mqtt.broker).toBe(edge.uplink.broker);
});

test.each(['plant', 'edge', 'ingest'])('%s.yaml names its schema, so that editors complete it', (name) => {
  const [first] = readFileSync(join(folder, `${name}.yaml`), 'utf8').split('\n');
  const schema = /^# yaml-language-server: \$schema=(.+)$/.exec(first ?? '')?.[1] ?? '';
  expect(resolve(folder, schema)).toMatch(new RegExp(`${name}\\.schema\\.json$`));
  expect(existsSync(join(dirname(join(folder, 'plant.yaml')), schema))).toBe(true);
});

describe('the agent reads what the plant has', () => {
  test('every point of the plant is a tag, and every tag a point', () => {
    const tags = edge.devices.flatMap(({ device, tags: list }) => list.map(({ tag }) => `${device}/${tag}`));
    expect(tags.toSorted()).toEqual(points.map(({ device, name }) => `${device}/${name}`).toSorted());
    expect(tags.length).toBeGreaterThan(95);
  });

  test.each(edge.devices)('$device is reached and read as the plant serves it', (device) => {
    const server = serverOf(device.device);
    if (device.protocol === 'opcua') {
      if (server.protocol !== 'opcua') throw new Error('another protocol');
      expect(device.endpoint).toBe(`opc.tcp://${server.host}:${server.port}${server.path}`);
      for (const tag of device.tags) {
        const node = server.nodes.find(({ name }) => name === tag.tag);
        expect(tag).toMatchObject({ node: `nsu=${server.namespace};s=${tag.tag}`, type: node?.type });
      }
      return;
    }
    if (server.protocol !== 'modbus-tcp') throw new Error('another protocol');
    const unit = server.units.find(({ name }) => name === device.device);
    expect(device.link).toMatchObject({ kind: 'tcp', host: server.host, port: server.port });
    expect(device).toMatchObject({ unit: unit?.unit, byteOrder: unit?.byteOrder, addressBase: 0 });
    for (const tag of device.tags) {
      const point = unit?.points.find(({ name }) => name === tag.tag);
      const { table, address, type, byteOrder, bit, registers, scale, offset } = tag;
      expect({ table, address, type, byteOrder, bit, registers, scale, offset }, tag.tag).toEqual({
        table: point?.table,
        address: point?.address,
        type: point?.type,
        byteOrder: point?.byteOrder,
        bit: point?.bit,
        registers: point?.registers,
        scale: point?.scale,
        offset: point?.offset,
      });
    }
  });
});

describe('the plant is worth looking at', () => {
  const since = Date.parse('2026-06-01T00:00:00Z');
  const hours = Array.from({ length: 2_000 }, (_, index) => since + index * 43_210);

  test('all types of the wire occur, with integers that a number cannot hold', () => {
    expect(new Set<ValueType>(points.map(({ type }) => type))).toEqual(new Set(valueTypes));
    const largest = points.map(({ valueAt }) => valueAt(since)).filter((value) => typeof value === 'bigint');
    expect(largest.some((value) => value > 2n ** 63n)).toBe(true);
    expect(largest.some((value) => value < -(2n ** 53n))).toBe(true);
  });

  test('every value stays between the limits that the agent is told', () => {
    const limits = new Map(
      edge.devices.flatMap(({ device, tags }) => tags.map((tag) => [`${device}/${tag.tag}`, tag] as const)),
    );
    for (const { device, name, valueAt } of points) {
      const tag = limits.get(`${device}/${name}`);
      for (const timeMs of hours) {
        const value = valueAt(timeMs);
        if (typeof value !== 'number' || tag?.minimum === undefined || tag.maximum === undefined) continue;
        expect(value, `${device}/${name}`).toBeGreaterThanOrEqual(tag.minimum);
        expect(value, `${device}/${name}`).toBeLessThanOrEqual(tag.maximum);
      }
    }
  });

  test('most points move, and those that should stand still do', () => {
    const still = points.filter(({ valueAt }) => new Set(hours.map(valueAt)).size === 1).map(({ name }) => name);
    expect(still.toSorted()).toEqual(
      [
        'Dosing.PhSetpoint',
        'firmware',
        'pressure.setpoint',
        'pump1.fault',
        'pump2.fault',
        'pump3.running',
        'status.auto',
        'status.remote',
      ].toSorted(),
    );
  });

  test('it starts', async () => {
    const onFreePorts = plantSchema.parse({
      ...plant,
      control: undefined,
      servers: plant.servers.map((server) => ({ ...server, port: 0 })),
    });
    const running = await startPlant(onFreePorts, { baseFolder: folder });
    expect(running.servers.map(({ name }) => name)).toEqual(['inlet', 'outlet', 'meter', 'treatment-line']);
    await running.close();
  });
});
