/** A serial line with simulated units on it, as a technician finds it. */
import { plantSchema } from '@fieldline/shared/config';
import { describeWith } from '@fieldline/shared/testing';
import { startPlant } from '@fieldline/simulators';
import { expect, onTestFinished, test } from 'vitest';
import * as read from '../../../edge-agent/src/commands/read/command.ts';
import * as scan from '../../../edge-agent/src/commands/scan/command.ts';
import { runByHand } from '../../../edge-agent/test/commands/run-by-hand.ts';
import { pair, startLine } from '../../../edge-agent/test/drivers/modbus/serial-line.ts';

const unit = (number: number, value: number) => ({
  name: `unit-${number}`,
  unit: number,
  points: [{ name: `level-${number}`, address: 0, signal: { kind: 'constant', value } }],
});

describeWith(pair, 'on a serial line', () => {
  test('scan finds the units that are there, and read reads one of them', async () => {
    const { ours, theirs } = await startLine();
    const server = { protocol: 'modbus-rtu', name: 'bus', path: theirs, units: [unit(2, 22), unit(5, 55)] };
    const running = await startPlant(plantSchema.parse({ plant: 'bus', servers: [server] }));
    onTestFinished(() => running.close());
    const found = await runByHand(scan, ['--path', ours, '--units', '1-6']);
    expect(found.thrown).toBe(null);
    expect(found.said.map((line) => line.replace(/\d+\.\d ms/, '… ms'))).toEqual([
      'unit 2: gives no identification (… ms, holding 0 is 22)',
      'unit 5: gives no identification (… ms, holding 0 is 55)',
      `6 units of 6 asked on ${ours}, 2 found`,
    ]);
    const { said } = await runByHand(read, ['--path', ours, '--unit', '5', '--address', '0']);
    expect(said[1]).toBe('  value  0037  55  good');
  });
});
