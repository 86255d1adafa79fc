import { writeObject } from '@fieldline/shared/config';
import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../src/commander/targets.ts';
import { writeTag } from '../../src/commander/write.ts';
import { registers, startPlc } from '../drivers/modbus/plc.ts';
import { device, startRig } from '../drivers/modbus/rig.ts';

test('a write that a line does not answer is unknown, and says what the device then holds', async () => {
  let held = 20;
  const plc = await startPlc(
    (ask, { send }) => {
      // A write of one register: its value stands where a read has its count.
      if (ask.code === 6) held = ask.count;
      else send(registers(ask, [held]));
    },
    { framing: 'rtu' },
  );
  onTestFinished(() => plc.close());
  const link = { kind: 'rtu-over-tcp', host: '127.0.0.1', port: plc.port };
  const limits = { min: 0, max: 100 };
  const tags = [{ tag: 'setpoint', address: 0, type: 'int16', write: limits }];
  const { driver } = await startRig([device({ link, timeoutMs: 500, tags })]);
  const target = { tag: driver.tags[0], writer: driver.writer, rules: writeObject.parse(limits) } as Target;
  const ending = await writeTag(target, { value: 21, permit: () => null }, new AbortController().signal);
  expect(ending).toMatchObject({ outcome: 'unknown', reason: 'no-answer', before: 20, written: 21, after: 21 });
  expect(plc.asks.map(({ code }) => code)).toEqual([3, 6, 3]);
});
