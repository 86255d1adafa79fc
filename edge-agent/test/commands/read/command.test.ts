import { freePort } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as read from '../../../src/commands/read/command.ts';
import { exception, memory, registers, startPlc } from '../../drivers/modbus/plc.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

async function plcWith(...parts: Parameters<typeof startPlc>) {
  const plc = await startPlc(...parts);
  onTestFinished(() => plc.close());
  return plc;
}

/** Without the times, which are never the same. */
const timeless = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\d+\.\d ms/, '… ms'));
const at = (port: number, ...args: string[]) => ['--host', '127.0.0.1', '--port', `${port}`, ...args];

const meter = (port: number): string => `
  - device: meter
    protocol: modbus
    link: { kind: tcp, host: 127.0.0.1, port: ${port} }
    unit: 7
    addressBase: 4xxxx
    tags:
      - { tag: voltage, address: 40001, type: float32, unit: V }
      - { tag: power, address: 40003, type: int16, scaleFactor: 40004, unit: W }
      - { tag: alarm, address: 40005, type: bool, bit: 2 }
      - { tag: state, address: 40006, notAvailable: [0xFFFF] }
`;
const words = [0x4366, 0x8000, 0x0384, 0x0001, 0x0004, 0xffff];

describe('read of a device of the settings', () => {
  test('shows each request with its time, and of each tag registers, value, unit and quality', async () => {
    const { port, asks } = await plcWith((ask, { send }) => send(registers(ask, words)));
    const { said, thrown } = await runByHand(read, ['--config', settingsFile(meter(port)), '--device', 'meter']);
    expect(thrown).toBe(null);
    expect(said[0]).toMatch(/: \d+\.\d ms$/);
    expect(timeless(said)).toEqual([
      'meter, unit 7, holding 40001–40006 (6 registers): … ms',
      '  voltage  4366 8000  230.5 V  good',
      '  power    0384 0001  9000 W   good',
      '  alarm    0004       true     good',
      '  state    FFFF       –        bad/not-available',
    ]);
    expect(asks).toEqual([{ unit: 7, code: 3, first: 0, count: 6 }]);
  });

  test('reads no more than the tags that are named', async () => {
    const { port, asks } = await plcWith((ask, { send }) => send(registers(ask, words.slice(2, 4))));
    const args = ['--config', settingsFile(meter(port)), '--device', 'meter', '--tag', 'power'];
    const { said } = await runByHand(read, args);
    expect(timeless(said)).toEqual([
      'meter, unit 7, holding 40003–40004 (2 registers): … ms',
      '  power  0384 0001  9000 W  good',
    ]);
    expect(asks).toHaveLength(1);
  });

  test('reads each tag alone where the device refuses the block, and says what the exception means', async () => {
    const { port } = await plcWith(memory(new Set([4])));
    const { said, thrown } = await runByHand(read, ['--config', settingsFile(meter(port)), '--device', 'meter']);
    expect(thrown).toBe(null);
    expect(timeless(said)).toEqual([
      expect.stringMatching(
        /^meter, unit 7, holding 40001–40006 \(6 registers\): exception 2, illegal data address: .* \(… ms\)$/,
      ),
      'meter, unit 7, holding 40001–40002 (2 registers): … ms',
      expect.stringMatching(/^ {2}voltage {2}0000 0001 /),
      'meter, unit 7, holding 40003–40004 (2 registers): … ms',
      expect.stringMatching(/^ {2}power {2}0002 0003 {2}2000 W {2}good$/),
      expect.stringMatching(/^meter, unit 7, holding 40005 \(1 register\): exception 2, /),
      'meter, unit 7, holding 40006 (1 register): … ms',
      '  state  0005  5  good',
    ]);
  });

  test('reads each tag alone where the device fails at the block', async () => {
    const { port } = await plcWith((ask, reply) => {
      if (ask.first <= 4 && ask.first + ask.count > 4) reply.send(exception(ask, 4));
      else memory()(ask, reply);
    });
    const { said, thrown } = await runByHand(read, ['--config', settingsFile(meter(port)), '--device', 'meter']);
    expect(thrown).toBe(null);
    expect(said.filter((line) => line.startsWith('  ')).map((line) => line.trim().split(' ')[0])).toEqual([
      'voltage',
      'power',
      'state',
    ]);
    expect(said.filter((line) => line.includes('exception 4'))).toEqual([
      expect.stringContaining('40001–40006'),
      expect.stringContaining('40005'),
    ]);
  });

  test('names the device or the tag that was meant', async () => {
    const file = settingsFile(meter(1));
    expect((await runByHand(read, ['--config', file, '--device', 'meters'])).thrown).toMatchObject({
      code: 'arguments/invalid',
      message: expect.stringContaining('meters is no device of the settings. Did you mean meter?'),
    });
    expect((await runByHand(read, ['--config', file, '--device', 'meter', '--tag', 'voltag'])).thrown).toMatchObject({
      message: expect.stringContaining('Did you mean voltage?'),
    });
    expect((await runByHand(read, ['--config', file, '--device', 'meter', '--host', 'h'])).thrown).toMatchObject({
      message: expect.stringContaining('--host does not go with --config'),
    });
  });
});

describe('read of registers that no settings name', () => {
  test('takes table, type and order from the command line', async () => {
    const { port, asks } = await plcWith((ask, { send }) => send(registers(ask, [0x8000, 0x4366])));
    const tag = ['--unit', '3', '--table', 'input', '--address', '100', '--type', 'float32', '--byte-order', 'CDAB'];
    const { said, thrown } = await runByHand(read, at(port, ...tag));
    expect(thrown).toBe(null);
    expect(timeless(said)).toEqual([
      'device, unit 3, input 100–101 (2 registers): … ms',
      '  value  8000 4366  230.5  good',
    ]);
    expect(asks).toEqual([{ unit: 3, code: 4, first: 100, count: 2 }]);
  });

  test('shows a time of the device as a date', async () => {
    const { port } = await plcWith((ask, { send }) => send(registers(ask, [0x6928, 0x6214])));
    const { said } = await runByHand(read, at(port, '--address', '0', '--type', 'time', '--time-form', 'unix-seconds'));
    expect(said[1]).toBe('  value  6928 6214  1764254228000000 (2025-11-27T14:37:08.000Z)  good');
  });

  test('fails where nothing could be read, with what it means', async () => {
    const { port } = await plcWith((ask, { send }) => send(exception(ask, 11)));
    expect((await runByHand(read, at(port, '--address', '0'))).thrown).toMatchObject({
      code: 'device/exception',
      message: expect.stringContaining('gateway target device failed to respond'),
    });
    const silent = await plcWith(() => {});
    expect((await runByHand(read, at(silent.port, '--address', '0', '--timeout-ms', '50'))).thrown).toMatchObject({
      code: 'device/timeout',
    });
    expect((await runByHand(read, at(await freePort(), '--address', '0'))).thrown).toMatchObject({
      code: 'device/unreachable',
    });
  });

  test('checks what is stated as the settings are checked', async () => {
    expect((await runByHand(read, at(1, '--address', '0', '--type', 'float31'))).thrown).toMatchObject({
      code: 'arguments/invalid',
      message: expect.stringMatching(/^type: is "float31"; it must be one of .* Did you mean float32\?/),
    });
    expect((await runByHand(read, ['--address', '0'])).thrown).toMatchObject({
      message: expect.stringContaining('where to read is missing: --config and --device, or --host, --path or --link'),
    });
  });
});
