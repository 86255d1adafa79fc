/** Answers to writes that are whole and right in their frame, and say something else than what was asked for. */
import { modbusLinkSchema } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import type { RegisterWrite } from '../../../src/drivers/modbus/write-request.ts';
import { createFakeChannel } from './fake-channel.ts';
import { frameOf } from './plc.ts';

const unit = 1;

/** How a write ends that is answered with this PDU. */
async function kindOf(write: RegisterWrite, pdu: string): Promise<string> {
  const { channel, sent, receive } = createFakeChannel();
  const connection = new Connection(modbusLinkSchema.parse({ kind: 'tcp', host: 'plc' }), channel, () => {});
  const reply = connection.ask({ unit, timeoutMs: 10_000, write }, null);
  const adu = Buffer.concat([Buffer.of(unit), Buffer.from(pdu.replaceAll(' ', ''), 'hex')]);
  receive(frameOf('tcp', sent[0]?.readUInt16BE(0) ?? null, adu));
  return (await reply).kind;
}

const coil = { first: 3, isOn: true };
const register = { first: 3, words: [5] };
const twoRegisters = { first: 3, words: [5, 6] };

describe.each<[RegisterWrite, string, [string, string][]]>([
  [
    { code: 5, ...coil },
    '05 0003 FF00',
    [
      ['address', '05 0004 FF00'],
      ['state', '05 0003 0000'],
    ],
  ],
  [
    { code: 6, ...register },
    '06 0003 0005',
    [
      ['address', '06 0004 0005'],
      ['value', '06 0003 0006'],
    ],
  ],
  [
    { code: 15, ...coil },
    '0F 0003 0001',
    [
      ['address', '0F 0004 0001'],
      ['count', '0F 0003 0002'],
    ],
  ],
  [
    { code: 16, ...twoRegisters },
    '10 0003 0002',
    [
      ['address', '10 0004 0002'],
      ['count', '10 0003 0001'],
    ],
  ],
  [
    { code: 22, first: 3, mask: 0x00ff, word: 0x0012 },
    '16 0003 FF00 0012',
    [
      ['address', '16 0004 FF00 0012'],
      ['and-mask', '16 0003 FE00 0012'],
      ['or-mask', '16 0003 FF00 0013'],
    ],
  ],
  [
    { code: 23, ...twoRegisters },
    '17 04 0005 0006',
    [
      ['number of registers', '17 06 0005 0006 0007'],
      ['byte count', '17 02 0005 0006'],
    ],
  ],
])('a write %j', (write, right, wrong) => {
  test('is done where its answer repeats it', async () => {
    expect(await kindOf(write, right)).toBe('data');
  });

  test.each(wrong)('is not known to be done where its answer has another %s', async (_what, pdu) => {
    expect(await kindOf(write, pdu)).toBe('garbled');
  });
});
