import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { stateSchema } from '@fieldline/shared/contracts';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { startPlc } from './drivers/modbus/plc.ts';
import { startFakeCloud } from './helpers/fake-cloud.ts';
import { testGateway } from './helpers/journal.ts';

const program = new URL('../src/main.ts', import.meta.url).pathname;

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.error += text;
  });
  return { child, said };
}

const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return child.exitCode;
};

async function run(...args: string[]) {
  const { child, said } = start(...args);
  await once(child, 'close');
  return { code: child.exitCode, ...said };
}

const settings = (broker: string, devicePort: number, more = ''): string => `
gateway: ${testGateway}
uplink: { broker: '${broker}' }
journal: { flushMs: 50 }
http: { port: 0 }
${more}
devices:
  - device: plc1
    protocol: modbus
    link: { kind: tcp, host: 127.0.0.1, port: ${devicePort} }
    everyMs: 100
    tags:
      - { tag: level, address: 0, unit: m }
      - { tag: running, address: 1, type: bool, table: coil }
`;

function settingsFile(text: string): string {
  const file = join(temporaryFolder(), 'edge.yaml');
  writeFileSync(file, text);
  return file;
}

describe('fieldline-edge', () => {
  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('fieldline-edge <command>') });
  });

  it.each([
    [[]],
    [['fly']],
    [['run']],
    [['plan']],
    [['read']],
    [['probe']],
    [['scan']],
    [['tags']],
    [['run', '--config', 'a', 'b']],
    [['run', '--colour', 'red']],
  ])('ends with 2 when used as %j', async (args) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toContain('Usage:');
  });

  it('validates a settings file: a summary, or every problem with its place', async () => {
    const good = settingsFile(settings('mqtt://localhost', 502));
    expect(await run('validate', '--config', good)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/1 device, 2 tags\n {2}nothing can be written/),
    });
    const text = settings('mqtt://localhost', 502, 'commands: { enabled: true }').replace(
      'type: bool,',
      'type: bool, write: {},',
    );
    expect((await run('validate', '--config', settingsFile(text))).out).toContain('can be written: plc1/running');
    const bad = settingsFile(settings('http://localhost', 502, 'colour: red'));
    const { code, error } = await run('validate', '--config', bad);
    expect(code).toBe(1);
    expect(error).toMatch(/edge\.yaml:3:\d+: uplink\.broker/);
    expect(error).toMatch(/edge\.yaml:6:\d+: colour/);
  });

  it('validate tells what is probably not meant, and ends with 0; and with 1 where it cannot work', async () => {
    const text = settings('mqtt://localhost', 502);
    const twice = settingsFile(`${text}      - { tag: both, address: 0, type: float32 }\n`);
    expect(await run('validate', '--config', twice)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /\nwarning: .*edge\.yaml:15:\d+: devices\[0\]\.tags\[2\]\.address: both \(float32 in 2 registers/,
      ),
    });
    const busy = text.replace(/ link: .*/, ' link: { kind: rtu, path: /dev/ttyS9, baudRate: 300 }');
    expect(await run('validate', '--config', settingsFile(busy))).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringMatching(/devices\[0\]\.everyMs: \/dev\/ttyS9 at 300 baud .* it cannot be read that often/),
    });
  });

  it('scan ends on Ctrl-C with what it found', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const { child, said } = start('scan', '--host', '127.0.0.1', '--port', `${port}`, '--timeout-ms', '10');
    await waitFor(() => said.error.includes('10 of 247 units asked, 0 found'));
    child.kill('SIGINT');
    expect(await ended(child)).toBe(0);
    expect(said.out).toMatch(/^stopped: \d+ units of 247 asked on 127\.0\.0\.1:\d+, 0 found\n$/);
    silent.close();
  });

  it('ends with 1 and one sentence when another agent has the journal', async () => {
    const file = settingsFile(settings('mqtt://127.0.0.1:1', await freePort()));
    const first = start('run', '--config', file);
    await waitFor(() => first.said.out.includes('"reading"'));
    const second = await run('run', '--config', file);
    expect(second).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^journal\/in-use: another agent uses the journal folder .*\n$/),
    });
    first.child.kill('SIGINT');
    expect(await ended(first.child)).toBe(0);
  });

  it('gives the last frames of its Modbus links over HTTP, and writes those of one that is silent beside its settings', async () => {
    const port = await freePort();
    const plc = await startPlc(() => {});
    const more = 'flightRecorder: { folder: frames }';
    const text = settings('mqtt://127.0.0.1:1', plc.port, more)
      .replace('http: { port: 0 }', `http: { port: ${port} }`)
      .replace('everyMs: 100', 'everyMs: 100\n    timeoutMs: 50');
    const file = settingsFile(text);
    const { child } = start('run', '--config', file);
    const folder = join(dirname(file), 'frames');
    await waitFor(() => readdirSync(folder).some((name) => /^modbus-.*-silent-1\.pcapng$/.test(name)));
    const frames = (query: string): Promise<Response> => fetch(`http://127.0.0.1:${port}/modbus.pcapng${query}`);
    const all = Buffer.from(await (await frames('')).arrayBuffer());
    expect(all.readUInt32LE(0)).toBe(0x0a0d0d0a);
    expect(all.includes(`127.0.0.1:${plc.port}`)).toBe(true);
    expect((await frames('?link=another')).status).toBe(404);
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
    await plc.close();
  });

  it('reads on, and says so, where its port for metrics is taken', async () => {
    const port = await freePort();
    const text = settings('mqtt://127.0.0.1:1', await freePort()).replace(
      'http: { port: 0 }',
      `http: { port: ${port} }`,
    );
    const first = start('run', '--config', settingsFile(text));
    await waitFor(() => first.said.out.includes('"reading"'));
    const second = start('run', '--config', settingsFile(text));
    await waitFor(() => second.said.out.includes('"reading"'));
    expect(second.said.out).toContain(`port ${port} on 127.0.0.1 is in use`);
    for (const { child } of [first, second]) {
      child.kill('SIGTERM');
      expect(await ended(child)).toBe(0);
    }
  });
});

describeWith(mosquitto, 'fieldline-edge with a broker', () => {
  it('is online while it runs, lost when killed, stopped when stopped; each start is chained to the one before', async () => {
    const broker = await mosquitto.start();
    const cloud = await startFakeCloud(broker.url);
    const reasons = (): string[] => cloud.states.map((state) => stateSchema.parse(state).reason);
    const file = settingsFile(settings(broker.url, await freePort()));
    const killed = start('run', '--config', file);
    await waitFor(() => cloud.batches.some(({ sent }) => sent > 0));
    killed.child.kill('SIGKILL');
    await waitFor(() => reasons().includes('lost'));
    const stopped = start('run', '--config', file);
    await waitFor(() => cloud.committed.size === 2);
    stopped.child.kill('SIGTERM');
    expect(await ended(stopped.child)).toBe(0);
    await waitFor(() => reasons().at(-1) === 'stopped');
    const [first, second] = [...cloud.committed.keys()];
    const chained = cloud.batches.find(({ stream, seq }) => stream === second && seq === 1);
    expect(chained?.previous).toEqual({ stream: first, lastSeq: cloud.committed.get(first ?? '')?.at(-1)?.[1] });
    expect(chained?.declared).toMatchObject([{ kind: 'series', device: null, reason: 'restart' }]);
    await cloud.close();
    await broker.close();
  });
});
