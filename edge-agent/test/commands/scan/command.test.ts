import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describeWith, findProgram, freePort, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as scan from '../../../src/commands/scan/command.ts';
import { type Answer, exception, registers, startPlc } from '../../drivers/modbus/plc.ts';
import { pair, startLine } from '../../drivers/modbus/serial-line.ts';
import { runByHand } from '../run-by-hand.ts';

const identificationCode = 0x2b;

async function portOf(answer: Answer): Promise<number> {
  const plc = await startPlc(answer);
  onTestFinished(() => plc.close());
  return plc.port;
}

const scanned = (port: number, ...args: string[]) =>
  runByHand(scan, ['--host', '127.0.0.1', '--port', `${port}`, '--timeout-ms', '40', ...args]);
const timeless = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\d+\.\d ms/, '… ms'));

/** The answer to a request for an identification: objects by id, and the one to go on with. */
function identification(objects: readonly (readonly [number, string])[], next: number | null): Buffer {
  const parts = objects.map(([id, text]) => Buffer.concat([Buffer.of(id, text.length), Buffer.from(text, 'latin1')]));
  const head = Buffer.of(identificationCode, 0x0e, 1, 1, next === null ? 0 : 0xff, next ?? 0, objects.length);
  return Buffer.concat([head, ...parts]);
}

describe('scan', () => {
  test('finds who answers in whatever way, and skips who does not, itself or by the word of a gateway', async () => {
    const port = await portOf((ask, { send }) => {
      if (ask.unit === 2) send(exception(ask, 11));
      else if (ask.unit === 3) send(ask.code === 3 ? registers(ask, [42]) : exception(ask, 1));
      else if (ask.unit === 4) send(exception(ask, 2));
    });
    const { said, thrown } = await scanned(port, '--units', '1-5');
    expect(thrown).toBe(null);
    expect(timeless(said)).toEqual([
      'unit 3: gives no identification (… ms, holding 0 is 42)',
      'unit 4: gives no identification (… ms, holding 0: exception 2, illegal data address)',
      `5 units of 5 asked on 127.0.0.1:${port}, 2 found`,
    ]);
  });

  test('puts an identification together that comes in several answers', async () => {
    const port = await portOf((ask, { send }) => {
      if (ask.code === 3) send(registers(ask, [1]));
      else if (ask.count === 0) send(identification([[0, 'Zähler\u001b[31m AG']], 1));
      else
        send(
          identification(
            [
              [1, 'Z-1'],
              [2, 'v3'],
            ],
            null,
          ),
        );
    });
    const { said } = await scanned(port, '--units', '9');
    expect(said[0]).toMatch(/^unit 9: Zähler\[31m AG, Z-1, v3 \(/);
  });

  test('shows names in UTF-8 and in Latin-1, without what a terminal would obey', async () => {
    const utf8 = Buffer.from('Zählér\u202e Ω\u001b').toString('latin1');
    const port = await portOf((ask, { send }) => {
      if (ask.code === 3) send(registers(ask, [1]));
      else send(identification([[0, ask.unit === 1 ? utf8 : 'Zähler']], null));
    });
    const { said } = await scanned(port, '--units', '1-2');
    expect(said[0]).toMatch(/^unit 1: Zählér Ω \(/);
    expect(said[1]).toMatch(/^unit 2: Zähler \(/);
  });

  test('goes on where a unit breaks off in the middle of its identification, and where one repeats itself', async () => {
    const port = await portOf((ask, { send }) => {
      if (ask.code === 3) send(registers(ask, [1]));
      else if (ask.unit === 1 && ask.count > 0) send(exception(ask, 4));
      else if (ask.unit < 3) send(identification([[0, `maker ${ask.unit}`]], 1));
      else send(Buffer.of(identificationCode, 0x0e, 1, 1, 0, 0, 1, 0, 200, 65));
    });
    const { said } = await scanned(port, '--units', '1-3');
    expect(timeless(said).slice(0, 3)).toEqual([
      'unit 1: maker 1 (… ms, holding 0 is 1)',
      'unit 2: maker 2 (… ms, holding 0 is 1)',
      'unit 3: gives no identification (… ms, holding 0 is 1)',
    ]);
  });

  test('says so where one device answers to every unit id, and how far it is', async () => {
    const port = await portOf((ask, { send }) => send(ask.code === 3 ? registers(ask, [1]) : exception(ask, 1)));
    const { said, progress } = await scanned(port, '--units', '1-10,20,21');
    expect(said.at(-1)).toBe('every unit id is answered: this is probably one device that does not look at it');
    expect(progress).toEqual(['10 of 12 units asked, 9 found']);
    const last = await scanned(port, '--units', '1-10');
    expect(last.progress, 'the end is told once').toEqual([]);
  });

  test('connects anew where a gateway hangs up after a request in vain', async () => {
    const port = await portOf((ask, { send, socket }) => {
      if (ask.unit === 3) send(ask.code === 3 ? registers(ask, [5]) : exception(ask, 1));
      else socket.destroy();
    });
    const { said } = await scanned(port, '--units', '1-3');
    expect(said.at(-1)).toContain('3 units of 3 asked');
    expect(said[0]).toMatch(/^unit 3: /);
  });

  test('ends on Ctrl-C at once, with what was found', async () => {
    const stop = new AbortController();
    const port = await portOf((ask, { send }) => {
      if (ask.unit === 1) send(ask.code === 3 ? registers(ask, [5]) : exception(ask, 1));
      else stop.abort();
    });
    const args = ['--host', '127.0.0.1', '--port', `${port}`, '--timeout-ms', '60000'];
    const { said, thrown } = await runByHand(scan, args, stop.signal);
    expect(thrown).toBe(null);
    expect(said.at(-1)).toBe(`stopped: 1 unit of 247 asked on 127.0.0.1:${port}, 1 found`);
  });

  test('ends on Ctrl-C also before there is a connection', async () => {
    const stop = new AbortController();
    const link = `{ kind: listen, port: ${await freePort()}, framing: tcp }`;
    const scanning = runByHand(scan, ['--link', link, '--units', '1-3'], stop.signal);
    stop.abort();
    const { said, thrown } = await scanning;
    expect(thrown).toBe(null);
    expect(said).toEqual([
      expect.stringMatching(/^stopped: 0 units of 3 asked on whoever on 127\.0\.0\.1:\d+, 0 found$/),
    ]);
  });

  test('tells wrong use, and that nobody can be reached', async () => {
    for (const units of ['5-1', '1-300', 'all', '']) {
      expect((await scanned(1, '--units', units)).thrown).toMatchObject({ code: 'arguments/invalid' });
    }
    expect((await scanned(1, '--identify', 'all')).thrown).toMatchObject({
      message: expect.stringContaining('--identify is all; it must be one of basic, regular, extended'),
    });
    expect((await scanned(await freePort())).thrown).toMatchObject({ code: 'device/unreachable' });
  });
});

const python = findProgram('python3');
const hasLibrary = python !== null && spawnSync(python, ['-c', 'import pymodbus.server']).status === 0;
const requirement = { name: 'pymodbus', skipReason: hasLibrary ? null : 'not installed (pip install pymodbus)' };

function startServer(place: string): void {
  const server = spawn(python ?? '', [join(import.meta.dirname, 'identifying-server.py'), place]);
  onTestFinished(async () => {
    if (server.exitCode !== null) return;
    server.kill();
    await once(server, 'exit');
  });
}

const bothUnits = [
  'unit 3: Acme Meters, AM-3, 2.7 (… ms, holding 0 is 33)',
  'unit 7: Acme Meters, AM-3, 2.7 (… ms, holding 0 is 77)',
];

describeWith(requirement, 'scan of a server of pymodbus', () => {
  test('finds its units, with vendor, product code and revision', async () => {
    const port = await freePort();
    startServer(String(port));
    await waitFor(() => isListening(port), { what: 'the server to listen' });
    const { said, thrown } = await scanned(port, '--units', '1-8', '--timeout-ms', '300');
    expect(thrown).toBe(null);
    expect(timeless(said)).toEqual([...bothUnits, `8 units of 8 asked on 127.0.0.1:${port}, 2 found`]);
  });

  test('puts together all that they say of themselves, at each of the three levels, where more follows', async () => {
    const port = await freePort();
    startServer(String(port));
    await waitFor(() => isListening(port), { what: 'the server to listen' });
    const said = async (...args: string[]) => {
      const result = await scanned(port, '--units', '3', '--timeout-ms', '300', ...args);
      return result.said.slice(1, -1);
    };
    const regular = [
      `  vendor URL: https://acme.example/${'u'.repeat(100)}`,
      `  product name: Meter ${'p'.repeat(80)}`,
      '  model name: AM-3-RS485',
      `  application name: hall ${'h'.repeat(60)}`,
    ];
    const extended = [
      '  object 0x80: made 2026',
      `  object 0x81: ${'x'.repeat(200)}`,
      `  object 0xA0: ${'y'.repeat(230)}`,
      '  object 0xFF: last',
    ];
    expect(await said()).toEqual([]);
    expect(await said('--identify', 'regular')).toEqual(regular);
    expect(await said('--identify', 'extended')).toEqual([...regular, ...extended]);
  });

  if (pair.skipReason !== null) return;
  test('on a serial line too', async () => {
    const { ours, theirs } = await startLine();
    startServer(theirs);
    const ask = (units: string) => runByHand(scan, ['--path', ours, '--units', units]);
    await waitFor(async () => (await ask('3')).said[0]?.startsWith('unit 3'), { what: 'the server to answer' });
    const { said, thrown } = await ask('2-4,7');
    expect(thrown).toBe(null);
    expect(timeless(said)).toEqual([...bothUnits, `4 units of 4 asked on ${ours}, 2 found`]);
    const extended = await runByHand(scan, ['--path', ours, '--units', '3', '--identify', 'extended']);
    expect(extended.said.at(-2)).toBe('  object 0xFF: last');
  });
});

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}
