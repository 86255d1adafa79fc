import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { edgeSchema, loadConfig, plantSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { init } from '../../compose/init.ts';

const file = fileURLToPath(new URL('../../compose/compose.yaml', import.meta.url));
const folder = dirname(file);
const dockerfile = readFileSync(fileURLToPath(new URL('../../image/Dockerfile', import.meta.url)), 'utf8');

const reference = z.union([z.string(), z.looseObject({ source: z.string() })]);
const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string(), target: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  restart: z.string(),
  ports: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()).default([]),
  configs: z.array(reference).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({ disable: z.boolean().optional() }).optional(),
  deploy: z.object({ resources: z.object({ limits: z.object({ memory: z.string(), cpus: z.string() }) }) }),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  configs: z.record(z.string(), z.strictObject({ file: z.string() })),
});

const compose = composeSchema.parse(parse(readFileSync(file, 'utf8'), { merge: true }));
const services = Object.entries(compose.services);
const generated = temporaryFolder();

/** Where a file of the compose file is in this test: what `init` makes is made in a folder of its own. */
const found = (path: string): string =>
  path.startsWith('generated/') ? join(generated, path.slice('generated/'.length)) : resolve(folder, path);

beforeAll(() => init(generated));

describe('compose.yaml', () => {
  test('every secret, config, volume and network that a service names is there, and none is left over', () => {
    const used = {
      secrets: new Set<string>(),
      configs: new Set<string>(),
      networks: new Set<string>(),
      volumes: new Set<string>(),
    };
    for (const [, service] of services) {
      for (const secret of service.secrets) used.secrets.add(secret);
      for (const config of service.configs) used.configs.add(typeof config === 'string' ? config : config.source);
      for (const network of service.networks) used.networks.add(network);
      for (const volume of service.volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(resolve(folder, source)), volume).toBe(true);
        else used.volumes.add(source);
      }
    }
    for (const kind of ['secrets', 'configs', 'networks', 'volumes'] as const) {
      expect([...used[kind]].sort(), kind).toEqual(Object.keys(compose[kind]).sort());
    }
  });

  test('every file of a secret or config exists once init has run', () => {
    for (const { file: path } of [...Object.values(compose.secrets), ...Object.values(compose.configs)]) {
      expect(existsSync(found(path)), path).toBe(true);
    }
  });

  test('a secret path in settings and environment is one that the service is given', () => {
    for (const [name, service] of services) {
      const given = new Set(service.secrets.map((secret) => `/run/secrets/${secret}`));
      const texts = [JSON.stringify(service.environment)];
      for (const config of service.configs) {
        texts.push(
          readFileSync(found(compose.configs[typeof config === 'string' ? config : config.source]?.file ?? ''), 'utf8'),
        );
      }
      const withoutComments = texts.join('\n').replace(/^\s*#.*$/gm, '');
      for (const [path] of withoutComments.matchAll(/\/run\/secrets\/[a-z-]+/g))
        expect([...given], `${name}: ${path}`).toContain(path);
    }
  });

  test('what is built here has its context, its Dockerfile and its target', () => {
    for (const [name, { build }] of services) {
      if (build === undefined) continue;
      expect(existsSync(resolve(folder, build.context, build.dockerfile)), name).toBe(true);
      expect(dockerfile).toMatch(new RegExp(`^FROM runtime AS ${build.target}$`, 'm'));
    }
  });

  test('ports are published on loopback unless told otherwise', () => {
    const published = services.flatMap(([, { ports }]) => ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) expect(port).toMatch(/^\$\{FIELDLINE_BIND:-127\.0\.0\.1\}:\d+:\d+$/);
  });

  test('every service restarts, has limits and a health check; images that we do not build name their version', () => {
    for (const [name, service] of services) {
      expect(service.restart, name).toMatch(/^(unless-stopped|on-failure)$/);
      const isWatched = service.healthcheck !== undefined || name === 'simulators';
      expect(isWatched, name).toBe(true);
      if (service.build === undefined) expect(service.image, name).toMatch(/:\d+\.\d+\.\d+/);
    }
  });

  test('a service is waited for only on a condition that it can reach', () => {
    for (const [name, { depends_on: needs }] of services) {
      for (const [other, { condition }] of Object.entries(needs)) {
        const target = compose.services[other];
        expect(target, `${name} needs ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(target?.healthcheck?.disable ?? false, other).toBe(false);
        if (condition === 'service_completed_successfully') expect(target?.restart, other).toBe('on-failure');
      }
    }
  });

  test('the roles of ingest are services of one image', () => {
    const roles = services
      .filter(([, { image }]) => image === 'fieldline-ingest')
      .map(([, { command }]) => command?.[0]);
    expect(roles.sort()).toEqual(['api', 'bridge', 'migrate', 'processor']);
  });
});

describe('init', () => {
  const secret = (name: string): string => readFileSync(join(generated, name), 'utf8');

  test('makes a different password for everyone, and keeps them when it runs again', () => {
    const names = Object.values(compose.secrets).map(({ file: path }) => path.slice('generated/'.length));
    const before = new Map(names.filter((name) => name !== 'broker-accounts').map((name) => [name, secret(name)]));
    expect(new Set(before.values()).size).toBe(before.size);
    for (const password of before.values()) expect(password.length).toBeGreaterThanOrEqual(32);
    init(generated);
    for (const [name, password] of before) expect(secret(name)).toBe(password);
  });

  test('keeps the folder to its owner', () => {
    expect(statSync(generated).mode & 0o077).toBe(0);
  });

  test('the settings that it makes name the hosts of the network and are valid', () => {
    const edge = loadConfig(edgeSchema, join(generated, 'edge.yaml'));
    expect(JSON.stringify(edge.devices)).not.toContain('127.0.0.1');
    expect(edge.uplink).toMatchObject({ broker: 'mqtt://mosquitto:1883', username: edge.gateway });
    const plant = loadConfig(plantSchema, join(generated, 'plant.yaml'));
    expect(plant.control).toBeUndefined();
    for (const server of plant.servers) expect(server).toMatchObject({ host: '0.0.0.0' });
  });

  test('runs as the command that compose.yaml tells', () => {
    const target = temporaryFolder();
    const script = fileURLToPath(new URL('../../compose/init.ts', import.meta.url));
    expect(execFileSync(process.execPath, [script, target], { encoding: 'utf8' })).toContain(target);
    expect(readdirSync(target)).toContain('broker-accounts');
  });
});
