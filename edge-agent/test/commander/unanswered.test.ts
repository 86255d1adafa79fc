import { writeObject } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../src/commander/targets.ts';
import { writeTag } from '../../src/commander/write.ts';
import { exception, registers, startPlc } from '../drivers/modbus/plc.ts';
import { device, startRig, tcp } from '../drivers/modbus/rig.ts';

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

test.each([
  ['the gateway hears nothing of the device behind it', 0x0b, 'unanswered'],
  ['the device still works on it', 0x05, 'unanswered'],
  ['the device does not have the register', 0x02, 'rejected'],
])('where the answer to a write says that %s (exception %i), it is %s', async (_what, code, kind) => {
  const plc = await startPlc((ask, { send }) => send(ask.code === 6 ? exception(ask, code) : registers(ask, [20])));
  onTestFinished(() => plc.close());
  const tags = [{ tag: 'setpoint', address: 0, type: 'int16', write: { min: 0, max: 100 } }];
  const { driver } = await startRig([device({ link: tcp(plc.port), tags })]);
  const result = await driver.writer?.write(driver.tags[0] as Tag, { value: 21, permit: () => null });
  expect(result).toMatchObject({ kind, before: 20, written: 21, problem: { reason: 'exception' } });
});
