import { expect, test } from 'vitest';
import { edgeSchema, ingestSchema } from '../../src/config/index.ts';

test('a settings file may name every default of ingest', () => {
  for (const backbone of [
    { kind: 'embedded', folder: 'log' },
    { kind: 'kafka', brokers: ['kafka:9092'] },
  ]) {
    const settings = ingestSchema.parse({
      mqtt: { broker: 'mqtt://broker' },
      backbone,
      database: { url: 'postgres://database/fieldline' },
    });
    expect(ingestSchema.parse(settings)).toEqual(settings);
  }
});

test('a settings file may name every default of the agent', () => {
  const settings = edgeSchema.parse({
    gateway: 'gateway',
    uplink: { broker: 'mqtt://broker' },
    devices: [
      {
        device: 'plc',
        protocol: 'modbus',
        link: { kind: 'tcp', host: 'plc' },
        tags: [{ tag: 'level', address: 0, type: 'uint16' }],
      },
      {
        device: 'line',
        protocol: 'opcua',
        endpoint: 'opc.tcp://line',
        tags: [{ tag: 'speed', node: 'ns=2;s=speed', type: 'float64' }],
      },
    ],
  });
  expect(edgeSchema.parse(settings)).toEqual(settings);
});
