import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plantSchema } from '@fieldline/shared/config';
import { freePort, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { startPlant } from '@fieldline/simulators';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { startFakeCloud } from '../../../edge-agent/test/helpers/fake-cloud.ts';
import { testGateway } from '../../../edge-agent/test/helpers/journal.ts';
import { shipped } from '../../image/build.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const target = join(temporaryFolder(), 'emitted');
const example = (file: string): string => join(root, 'deploy', 'examples', 'pumping-station', file);

/** What `npm ci --omit=dev` makes in the image: the packages, and links to the emitted workspaces. */
function completeAsInstalled(): void {
  const [from, to] = [join(root, 'node_modules'), join(target, 'node_modules')];
  mkdirSync(join(to, '@fieldline'), { recursive: true });
  for (const name of readdirSync(from)) {
    if (!['.bin', '@fieldline', 'typescript', 'vitest'].includes(name)) symlinkSync(join(from, name), join(to, name));
  }
  for (const workspace of shipped) symlinkSync(join(target, workspace), join(to, '@fieldline', workspace));
}

/** Without type stripping: an image that needed it would work here and not under node_modules. */
const run = (program: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--no-strip-types', join(target, program), ...args], { encoding: 'utf8', cwd: target });

beforeAll(() => {
  // As the Dockerfile runs it.
  execFileSync(process.execPath, [join(root, 'deploy', 'image', 'build.ts'), target]);
  completeAsInstalled();
});

test('what is emitted is JavaScript, without tests and without the tools for them', () => {
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter(
    (file) => !file.startsWith('node_modules'),
  );
  expect(files.filter((file) => file.endsWith('.ts'))).toEqual([]);
  expect(files.filter((file) => /(^|\/)(test|testing)\//.test(file))).toEqual([]);
});

test('every path that a package names is there', () => {
  const packageSchema = z.looseObject({
    exports: z.record(z.string(), z.string()).default({}),
    bin: z.record(z.string(), z.string()).default({}),
  });
  for (const workspace of shipped) {
    const text = readFileSync(join(target, workspace, 'package.json'), 'utf8');
    const { exports, bin } = packageSchema.parse(JSON.parse(text));
    for (const path of [...Object.values(exports), ...Object.values(bin)]) {
      if (!path.includes('*')) expect(existsSync(join(target, workspace, path)), `${workspace} ${path}`).toBe(true);
    }
  }
});

test('the lock file fits the emitted packages, so that npm ci takes it', () => {
  const sameIn = (file: string): boolean =>
    readFileSync(join(target, file), 'utf8') === readFileSync(join(root, file), 'utf8');
  expect(sameIn('package-lock.json') && sameIn('package.json')).toBe(true);
  const dependencies = z.looseObject({ dependencies: z.record(z.string(), z.string()) });
  for (const workspace of shipped) {
    const [emitted, source] = [target, root].map((folder) =>
      dependencies.parse(JSON.parse(readFileSync(join(folder, workspace, 'package.json'), 'utf8'))),
    );
    expect(emitted?.dependencies).toEqual(source?.dependencies);
  }
});

test('the agent of the image reads its settings and names every problem of bad ones', () => {
  const good = run('edge-agent/src/main.js', 'validate', '--config', example('edge.yaml'));
  expect(good.stderr).toBe('');
  expect(good.status).toBe(0);
  const bad = run('edge-agent/src/main.js', 'validate', '--config', example('plant.yaml'));
  expect(bad.status).toBe(1);
  expect(bad.stderr).toMatch(/settings\/invalid/);
});

test('the agent of the image has its profiles and the models of SunSpec', () => {
  expect(run('edge-agent/src/main.js', 'profiles', 'list').stdout).toMatch(/^eastron\/sdm630 /m);
  expect(existsSync(join(target, 'edge-agent', 'sunspec', 'inverter.yaml'))).toBe(true);
});

test('the agent of the image reads Modbus and OPC UA devices, and stops in order', async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.close());
  const cloud = await startFakeCloud(broker.url);
  onTestFinished(() => cloud.close());
  const namespace = 'urn:image';
  const constant = { kind: 'constant', value: 7 };
  const points = [{ name: 'level', address: 0, signal: constant }];
  const plant = await startPlant(
    plantSchema.parse({
      plant: 'image',
      servers: [
        { protocol: 'modbus-tcp', name: 'bus', port: 0, units: [{ name: 'plc', unit: 1, points }] },
        {
          protocol: 'opcua',
          name: 'line',
          port: 0,
          namespace,
          nodes: [{ name: 'level', type: 'uint16', signal: constant }],
        },
      ],
    }),
  );
  onTestFinished(() => plant.close());
  const [bus, line] = plant.servers;
  const config = join(temporaryFolder(), 'edge.yaml');
  const security = { policy: 'None', mode: 'None' };
  writeFileSync(
    config,
    stringify({
      ...{ gateway: testGateway, http: { port: await freePort() }, uplink: { broker: broker.url } },
      devices: [
        {
          ...{ device: 'plc', protocol: 'modbus', link: { kind: 'tcp', host: '127.0.0.1', port: bus?.port } },
          ...{ everyMs: 200, tags: [{ tag: 'level', address: 0 }] },
        },
        {
          ...{ device: 'line', protocol: 'opcua', endpoint: line?.url, security },
          tags: [{ tag: 'level', node: `nsu=${namespace};s=level` }],
        },
      ],
    }),
  );
  const agent = spawn(
    process.execPath,
    ['--no-strip-types', join(target, 'edge-agent/src/main.js'), 'run', '--config', config],
    {
      stdio: 'ignore',
    },
  );
  onTestFinished(() => void agent.kill('SIGKILL'));
  const valuesOf = (device: string) =>
    cloud.batches.flatMap(({ tags, tagIndex, value }) =>
      value.filter((_, n) => tags[tagIndex[n] ?? 0]?.device === device),
    );
  await waitFor(() => valuesOf('plc').includes(7) && valuesOf('line').includes(7), { what: 'a value of each device' });
  const ended = once(agent, 'exit');
  agent.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

test.each(['cloud-ingest/src/main.js', 'simulators/src/main.js', 'edge-agent/src/main.js'])('%s starts', (program) => {
  const help = run(program, '--help');
  expect(`${help.stdout}${help.stderr}`).toMatch(/^usage:/im);
  expect(help.stderr).not.toMatch(/\n {4}at /);
});

test('every stage that the Dockerfile copies from is there, and no image runs as root', () => {
  const dockerfile = readFileSync(join(root, 'deploy', 'image', 'Dockerfile'), 'utf8');
  const stages = new Set([...dockerfile.matchAll(/^FROM .* AS (\S+)$/gm)].map(([, name]) => name));
  for (const [, stage] of dockerfile.matchAll(/--from=(\S+)/g)) expect([...stages]).toContain(stage);
  for (const name of ['agent', 'ingest', 'simulators']) {
    const body = dockerfile.split(`FROM runtime AS ${name}\n`)[1]?.split('\nFROM ')[0] ?? '';
    expect(body, name).toContain('USER node');
    const [, program] = /ENTRYPOINT \["node", "(\S+)"\]/.exec(body) ?? [];
    expect(existsSync(join(target, program ?? 'none')), name).toBe(true);
  }
});
