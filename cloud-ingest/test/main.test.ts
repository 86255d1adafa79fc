import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { usage } from '../src/command-line.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function run(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const closed = once(child, 'close');
  return {
    output: () => output,
    errors: () => errors,
    stop: () => child.kill('SIGTERM'),
    exitCode: async (): Promise<unknown> => (await closed)[0],
  };
}

function settings(lines: readonly string[]): string {
  const file = join(temporaryFolder(), 'ingest.yaml');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const valid = (broker: string) => [
  `mqtt: {broker: '${broker}'}`,
  `backbone: {kind: embedded, folder: '${temporaryFolder()}'}`,
  'database: {url: postgres://nobody@127.0.0.1:1/none}',
  'http: {port: 0}',
];

describe('fieldline-ingest', () => {
  test('--help says how it is used; a wrong command line too, and ends with code 2', async () => {
    const [help, wrong] = [run('--help'), run('bogus')];
    expect(await help.exitCode()).toBe(0);
    expect(help.output()).toBe(usage);
    expect(await wrong.exitCode()).toBe(2);
    expect(wrong.errors()).toBe(`there is no role or command bogus\n\n${usage}`);
  });

  test('ends quietly when nobody reads on, as behind `… | head`', async () => {
    const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(errors).toBe('');
  });

  test('validate lists every problem of the settings with line and column', async () => {
    const good = run('validate', '--config', settings(valid('mqtt://127.0.0.1:1')));
    expect(await good.exitCode()).toBe(0);
    expect(good.output()).toMatch(
      /^\S+ is valid\n {2}bridge +reads mqtt:\/\/127\.0\.0\.1:1, up to 1,000 messages under way\n/,
    );
    const file = settings(['mqtt: {broker: nonsense, windw: 3}', 'backbone: {kind: kafka, brokers: []}']);
    const bad = run('validate', '--config', file);
    expect(await bad.exitCode()).toBe(1);
    for (const part of [`${file}:1:`, `${file}:2:`, 'mqtt.broker', 'windw', 'backbone.brokers', 'database']) {
      expect(bad.errors()).toContain(part);
    }
  });

  test('a password file that is not there ends the start', async () => {
    const file = settings([
      "mqtt: {broker: 'mqtt://127.0.0.1:1', username: bridge, passwordFile: /no/such/file}",
      ...valid('').slice(1),
    ]);
    const bridge = run('bridge', '--config', file);
    expect(await bridge.exitCode()).toBe(1);
    expect(bridge.errors()).toContain('mqtt.passwordFile: cannot read /no/such/file');
  });

  test('a relative path is looked for beside the settings file, not in the current folder', async () => {
    const file = settings([
      "mqtt: {broker: 'mqtt://127.0.0.1:1', username: bridge, passwordFile: ./broker.password}",
      ...valid('').slice(1),
    ]);
    const bridge = run('bridge', '--config', file);
    expect(await bridge.exitCode()).toBe(1);
    expect(bridge.errors()).toContain(`cannot read ${join(dirname(file), 'broker.password')}`);
  });

  test('a bridge runs without its broker, carries when it comes, and ends in order on SIGTERM', async () => {
    const port = await freePort();
    const bridge = run('bridge', '--config', settings(valid(`mqtt://127.0.0.1:${port}`)));
    await waitFor(() => bridge.output().includes('ECONNREFUSED'), { what: 'the refused connection to be said' });
    const broker = await startAedes({ port });
    await waitFor(() => bridge.output().includes('connected to the MQTT broker'));
    bridge.stop();
    expect(await bridge.exitCode()).toBe(0);
    expect(bridge.errors()).toBe('');
    await broker.close();
  });
});
