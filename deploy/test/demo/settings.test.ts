import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { edgeSchema, ingestSchema, loadConfig, parseConfig, plantSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { accessOf, writeEdgeSettings, writeIngestSettings, writePlantSettings } from '../../demo/settings.ts';

const plant = parseConfig(
  plantSchema,
  `
plant: works
control: { port: 5500 }
servers:
  - protocol: modbus-tcp
    port: 5020
    units:
      - name: plc
        points: [{ name: level, address: 0, signal: { kind: replay, file: level.csv } }]
  - protocol: opcua
    port: 4840
    name: line
    nodes: [{ name: speed, signal: { kind: constant, value: 1 } }]
`,
  'plant.yaml',
);
const edge = parseConfig(
  edgeSchema,
  `
gateway: works
uplink: { broker: 'mqtts://example.invalid:8883', username: gateway, passwordFile: secret, tls: { caFile: ca.pem } }
devices:
  - device: plc
    protocol: modbus
    link: { kind: tcp, host: 127.0.0.1, port: 5020 }
    tags: [{ tag: level, address: 0 }]
  - device: line
    protocol: opcua
    endpoint: opc.tcp://127.0.0.1:4840/fieldline
    security: { policy: None, mode: None }
    tags: [{ tag: speed, node: 's=speed' }]
`,
  'edge.yaml',
);
const at = ({ host, port }: { host: string; port: number }) => ({ host, port: port + 10_000 });

function write() {
  const folder = temporaryFolder();
  const example = { folder: join(folder, 'example'), plant, edge };
  mkdirSync(example.folder);
  writeFileSync(join(example.folder, 'level.csv'), '1\n2\n');
  const broker = accessOf('mqtt://line:s%40cret@127.0.0.1:1883');
  const settings = join(folder, 'settings');
  return {
    example,
    plant: writePlantSettings(settings, example, at),
    edge: writeEdgeSettings(settings, example, { broker, at, httpPort: 9_101, journal: join(folder, 'journal') }),
    ingest: writeIngestSettings(settings, {
      broker,
      database: accessOf('postgres://owner:pa%3Ass@127.0.0.1:5432/fieldline'),
      kafka: undefined,
      log: join(folder, 'log'),
      pagePort: 8_080,
      httpPort: 9_102,
    }),
  };
}

test('what is written is what the programs load: the ports of this run at both ends', () => {
  const files = write();
  const loaded = { plant: loadConfig(plantSchema, files.plant), edge: loadConfig(edgeSchema, files.edge) };
  expect(loaded.plant.servers.map((server) => 'port' in server && server.port)).toEqual([15_020, 14_840]);
  expect(loaded.plant.control?.port).toBe(15_500);
  expect(loaded.edge.devices[0]).toHaveProperty('link.port', 15_020);
  expect(loaded.edge.devices[1]).toHaveProperty('endpoint', 'opc.tcp://127.0.0.1:14840/fieldline');
});

test('files that the example names are found from the new place', () => {
  const files = write();
  const loaded = loadConfig(plantSchema, files.plant);
  expect(loaded.servers[0]).toHaveProperty('units[0].points[0].signal.file', join(files.example.folder, 'level.csv'));
});

test("passwords go from the address to a file that only the owner reads, and the example's own account is left out", () => {
  const files = write();
  const { uplink } = loadConfig(edgeSchema, files.edge);
  const { database } = loadConfig(ingestSchema, files.ingest);
  expect(uplink).toMatchObject({ broker: 'mqtt://127.0.0.1:1883', username: 'line' });
  expect(uplink.tls).toBeUndefined();
  expect(database.url).toBe('postgres://owner@127.0.0.1:5432/fieldline');
  for (const [file, password] of [
    [uplink.passwordFile, 's@cret'],
    [database.passwordFile, 'pa:ss'],
  ]) {
    expect(readFileSync(file ?? '', 'utf8').trim()).toBe(password);
    expect(statSync(file ?? '').mode & 0o077).toBe(0);
  }
});
