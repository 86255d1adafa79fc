import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { ask, connectRaw } from './modbus/raw-client.ts';

const main = join(import.meta.dirname, '../src/main.ts');
const folder = temporaryFolder();

type Program = {
  readonly output: () => string;
  readonly errors: () => string;
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly exit: Promise<number | null>;
};

function start(...options: string[]): Program {
  const child = spawn(process.execPath, [main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => {
    output += String(text);
  });
  child.stderr.on('data', (text) => {
    errors += String(text);
  });
  return {
    output: () => output,
    errors: () => errors,
    stop: (signal) => void child.kill(signal),
    exit: new Promise((resolve) => child.once('close', resolve)),
  };
}

const plantFile = (name: string, port: number | string): string => {
  const file = join(folder, name);
  const text = `plant: test
servedLog: ${name}.served.jsonl
servers:
  - protocol: modbus-tcp
    port: ${port}
    units:
      - name: plc
        points:
          - { name: mode, address: 0, type: string, registers: 2, signal: { kind: replay, file: modes.csv } }
`;
  writeFileSync(file, text);
  return file;
};
writeFileSync(join(folder, 'modes.csv'), 'AUTO\n');

test('run says where it listens, serves with files beside the plant file, and stops on a signal', async () => {
  const program = start('run', '--plant', plantFile('plant.yaml', 0));
  const port = await waitFor(() => /listening on tcp:\/\/127\.0\.0\.1:(\d+)/.exec(program.output())?.[1], {
    what: 'the address',
  });
  const client = await connectRaw(Number(port));
  expect(await ask(client, 1, '0300000002')).toBe(`0304${Buffer.from('AUTO').toString('hex')}`);
  program.stop('SIGTERM');
  expect(await program.exit).toBe(0);
  const evidence = readFileSync(join(folder, 'plant.yaml.served.jsonl'), 'utf8');
  expect(JSON.parse(evidence)).toMatchObject({ device: 'plc', point: 'mode', value: 'AUTO' });
  client.close();
});

test('a full port ends it with one sentence that says what to do', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const program = start('run', '--plant', plantFile('full.yaml', port));
  expect(await program.exit).toBe(1);
  expect(program.errors()).toBe(
    `port/in-use: port ${port} on 127.0.0.1 is in use by another program: stop that one or set another port\n`,
  );
  other.close();
});

test('wrong settings are listed with their lines', async () => {
  const program = start('run', '--plant', plantFile('wrong.yaml', 'high'));
  expect(await program.exit).toBe(1);
  expect(program.errors()).toMatch(/wrong\.yaml:5:\d+: servers\[0\]\.port: /);
});

test('without a plant it says how it is used, and ends with code 2', async () => {
  const program = start('run');
  expect(await program.exit).toBe(2);
  expect(program.errors()).toContain('usage: fieldline-sim run --plant FILE');
  const help = start('--help');
  expect(await help.exit).toBe(0);
  expect(help.output()).toContain('usage: fieldline-sim run --plant FILE');
});
