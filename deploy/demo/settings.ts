/**
 * The settings that the programs run with: the example's, with the addresses of this run. Written to `<data>/settings`, so
 * that anybody can look at what ran, and run one part by hand.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type Device, type EdgeConfig, isNetworkLink, type Plant } from '@fieldline/shared/config';
import { stringify } from 'yaml';

export type Access = { readonly url: string; readonly username?: string; readonly password?: string };

export type Place = { readonly host: string; readonly port: number };
/** Where a device of the example stands in this run. */
export type Relocate = (place: Place) => Place;

/** A URL without its password, and those beside it: settings name files for secrets. */
export function accessOf(address: string): Access {
  const url = new URL(address);
  const { username, password } = url;
  url.password = '';
  // PostgreSQL's settings keep the user in the address, those of MQTT beside it.
  if (!url.protocol.startsWith('postgres')) url.username = '';
  return {
    url: url.href,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

export type Example = { readonly folder: string; readonly plant: Plant; readonly edge: EdgeConfig };

export function writePlantSettings(folder: string, example: Example, at: Relocate): string {
  return write(folder, 'plant', absolutePaths(plantSettings(example.plant, at), example.folder));
}

export function writeEdgeSettings(
  folder: string,
  example: Example,
  run: { readonly broker: Access; readonly at: Relocate; readonly httpPort: number; readonly journal: string },
): string {
  const settings = edgeSettings(example.edge, mqttSettings(folder, run.broker), run);
  return write(folder, 'edge', absolutePaths(settings, example.folder));
}

export function writeIngestSettings(
  folder: string,
  run: {
    readonly broker: Access;
    readonly database: Access;
    readonly kafka: readonly string[] | undefined;
    readonly log: string;
    readonly pagePort: number;
    readonly httpPort: number;
  },
): string {
  return write(folder, 'ingest', {
    mqtt: mqttSettings(folder, run.broker),
    backbone: run.kafka === undefined ? { kind: 'embedded', folder: run.log } : { kind: 'kafka', brokers: run.kafka },
    database: { url: run.database.url, ...passwordFile(folder, 'database', run.database.password) },
    api: { port: run.pagePort },
    http: { port: run.httpPort },
  });
}

const mqttSettings = (folder: string, broker: Access): Readonly<Record<string, string>> => ({
  broker: broker.url,
  ...(broker.username === undefined ? {} : { username: broker.username }),
  ...passwordFile(folder, 'broker', broker.password),
});

function passwordFile(folder: string, name: string, password: string | undefined): { passwordFile?: string } {
  if (password === undefined) return {};
  const file = join(folder, `${name}.password`);
  replaceFile(file, `${password}\n`);
  return { passwordFile: file };
}

function write(folder: string, name: string, settings: unknown): string {
  const file = join(folder, `${name}.yaml`);
  replaceFile(file, stringify(settings));
  return file;
}

export const plantSettings = (plant: Plant, at: Relocate): Plant => ({
  ...plant,
  servers: plant.servers.map((server) => ('port' in server ? { ...server, ...at(server) } : server)),
  ...(plant.control === undefined ? {} : { control: at(plant.control) }),
});

export function edgeSettings(
  edge: EdgeConfig,
  mqtt: Readonly<Record<string, string>>,
  run: { readonly at: Relocate; readonly httpPort: number; readonly journal: string },
): unknown {
  // The example's own account and way are for its own broker.
  const {
    broker: _broker,
    username: _username,
    passwordFile: _passwordFile,
    tls: _tls,
    proxy: _proxy,
    ...uplink
  } = edge.uplink;
  return {
    ...edge,
    uplink: { ...uplink, ...mqtt },
    journal: { ...edge.journal, folder: run.journal },
    http: { port: run.httpPort },
    devices: edge.devices.map((device) => relocated(device, run.at)),
  };
}

function relocated(device: Device, at: Relocate): unknown {
  if (device.protocol === 'opcua') {
    const url = new URL(device.endpoint);
    const { host, port } = at({ host: url.hostname, port: Number(url.port) });
    return { ...device, endpoint: `opc.tcp://${host}:${port}${url.pathname}` };
  }
  const { link } = device;
  return isNetworkLink(link) ? { ...device, link: { ...link, ...at({ host: link.host, port: link.port }) } } : device;
}

/** Paths in settings are relative to their file, and this file stands elsewhere than the example. */
function absolutePaths(settings: unknown, folder: string, key = ''): unknown {
  if (Array.isArray(settings)) return settings.map((item) => absolutePaths(item, folder, key));
  if (settings !== null && typeof settings === 'object') {
    return Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [name, absolutePaths(value, folder, name)]),
    );
  }
  if (typeof settings === 'string' && /^file$|File$/.test(key) && !isAbsolute(settings))
    return resolve(folder, settings);
  return settings;
}

function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.next`;
  rmSync(next, { force: true });
  writeFileSync(next, text, { mode: 0o600, flush: true });
  renameSync(next, file);
}
