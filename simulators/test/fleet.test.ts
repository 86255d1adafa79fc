import { describe, expect, test } from 'vitest';
import { makeFleet } from '../src/fleet.ts';
import { startPlant } from '../src/plant.ts';
import { plantPoints } from '../src/points.ts';
import { ask, connectRaw } from './modbus/raw-client.ts';

describe('a fleet', () => {
  const fleet = makeFleet({ modbusDevices: 7, registersPerDevice: 100, opcuaNodes: 0, everyMs: 250, modbusServers: 3 });

  test('has the size that was asked for, and settings of the agent for every point', async () => {
    const running = await startPlant(fleet.plant);
    const devices = fleet.devices(running.servers);
    const points = new Set(plantPoints(fleet.plant).map(({ device, name }) => `${device}/${name}`));
    expect(points.size).toBe(700);
    expect(devices.flatMap(({ device, tags }) => tags.map(({ tag }) => `${device}/${tag}`)).toSorted()).toEqual(
      [...points].toSorted(),
    );
    expect(new Set(running.servers.map(({ port }) => port)).size).toBe(3);
    for (const device of devices) {
      if (device.protocol !== 'modbus' || device.link.kind !== 'tcp') throw new Error('not Modbus TCP');
      const client = await connectRaw(device.link.port);
      expect(await ask(client, device.unit, '0300000064')).toMatch(/^03c8/);
      client.close();
    }
    await running.close();
  });

  test('spreads over more servers where one has no more unit numbers', () => {
    const { plant } = makeFleet({ modbusDevices: 500, registersPerDevice: 1, opcuaNodes: 0, everyMs: 1_000 });
    expect(plant.servers.length).toBe(3);
  });

  test('has OPC UA nodes that all change every second, so that each value served is one that a client is told', () => {
    const { plant } = makeFleet({ modbusDevices: 0, registersPerDevice: 0, opcuaNodes: 300, everyMs: 1_000 });
    const seconds = Array.from({ length: 200 }, (_, index) => 1_795_000_000_000 + index * 1_000);
    for (const { name, valueAt } of plantPoints(plant)) {
      const values = seconds.map(valueAt);
      expect(
        values.filter((value, index) => value === values[index - 1]),
        name,
      ).toEqual([]);
    }
  });

  test('has OPC UA nodes, which the agent finds by the address of the server', () => {
    const { plant, devices } = makeFleet({
      modbusDevices: 0,
      registersPerDevice: 0,
      opcuaNodes: 2_000,
      everyMs: 1_000,
    });
    expect(plantPoints(plant).length).toBe(2_000);
    const at = { name: 'opcua', host: '127.0.0.1', port: 5, url: 'opc.tcp://127.0.0.1:5/fieldline' };
    expect(devices([at])).toMatchObject([{ protocol: 'opcua', endpoint: at.url, tags: { length: 2_000 } }]);
  });
});
