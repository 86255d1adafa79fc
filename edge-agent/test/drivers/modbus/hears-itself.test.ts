/** A two-wire adapter whose receiver stays on gives back each request before its reply. */
import { modbusLinkSchema, recordPosition } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import type { ModbusRequest } from '../../../src/drivers/modbus/request.ts';
import type { RegisterWrite } from '../../../src/drivers/modbus/write-request.ts';
import { createFakeChannel } from './fake-channel.ts';
import { frameOf, registers } from './plc.ts';

const unit = 17;
const timeoutMs = 10_000;
const read: ModbusRequest = { unit, timeoutMs, table: 'holding', first: 0, count: 1 };
const writeOf = (write: RegisterWrite): ModbusRequest => ({ unit, timeoutMs, write });
const data = (bytes: readonly number[]) => ({ kind: 'data', data: Buffer.from(bytes) });

/** Writes, each with the PDU of its reply; the first three are answered by what was asked. */
const writes: [string, RegisterWrite, readonly number[]][] = [
  ['5', { code: 5, first: 3, isOn: true }, [5, 0, 3, 0xff, 0]],
  ['6', { code: 6, first: 3, words: [700] }, [6, 0, 3, 2, 188]],
  ['22', { code: 22, first: 3, mask: 0x00ff, word: 0x12 }, [22, 0, 3, 0xff, 0, 0, 0x12]],
  ['15', { code: 15, first: 3, isOn: true }, [15, 0, 3, 0, 1]],
  ['16', { code: 16, first: 3, words: [700, 701] }, [16, 0, 3, 0, 2]],
  ['23', { code: 23, first: 3, words: [700] }, [23, 2, 2, 188]],
];
const repeated = writes.slice(0, 3);

describe.each(['rtu', 'ascii'] as const)('over %s', (framing) => {
  function open() {
    const { channel, sent, receive } = createFakeChannel();
    const settings = { kind: `${framing}-over-tcp`, host: 'adapter', port: 4001 };
    const connection = new Connection(modbusLinkSchema.parse(settings), channel, () => {});
    return {
      connection,
      ask: (request: ModbusRequest) => connection.ask(request, null),
      echo: () => receive(sent.at(-1) ?? Buffer.alloc(0)),
      reply: (pdu: readonly number[]) => receive(frameOf(framing, 0, Buffer.from([unit, ...pdu]))),
    };
  }
  type Line = ReturnType<typeof open>;

  async function readBy({ ask, echo, reply }: Line, hearsItself: boolean, value: number): Promise<void> {
    const answer = ask(read);
    if (hearsItself) echo();
    reply([...registers({ code: 3 }, [value])]);
    expect(await answer).toEqual(data([0, value]));
  }

  test.each(writes)(
    'a write in function %s has its own reply, on an adapter that hears itself or not',
    async (...row) => {
      const [, write, pdu] = row;
      for (const hearsItself of [true, false]) {
        const line = open();
        await readBy(line, hearsItself, 1);
        const answer = line.ask(writeOf(write));
        if (hearsItself) line.echo();
        line.reply(pdu);
        expect(await answer).toEqual(data([]));
        await readBy(line, hearsItself, 2);
      }
    },
  );

  test.each(writes)('what comes back of function %s alone is no reply of the device', async (_code, write) => {
    const line = open();
    await readBy(line, true, 1);
    const answer = line.ask(writeOf(write));
    line.echo();
    line.connection.abort();
    expect(await answer).toEqual({ kind: 'aborted' });
  });

  test.each(writes)('a refusal of function %s after what comes back is one', async (_code, write) => {
    const line = open();
    await readBy(line, true, 1);
    const answer = line.ask(writeOf(write));
    line.echo();
    line.reply([write.code | 0x80, 2]);
    expect(await answer).toEqual({ kind: 'exception', code: 2 });
  });

  test('a request for two stretches of files, as long as its reply, is not taken for it', async () => {
    const stretches = [
      { first: recordPosition(4, 0), count: 1 },
      { first: recordPosition(5, 0), count: 4 },
    ];
    for (const hearsItself of [true, false]) {
      const line = open();
      const answer = line.ask({ unit, timeoutMs, stretches });
      if (hearsItself) line.echo();
      line.reply([20, 14, 3, 6, 0, 1, 9, 6, 0, 2, 0, 3, 0, 4, 0, 5]);
      expect(await answer).toEqual(data([0, 1, 0, 2, 0, 3, 0, 4, 0, 5]));
      await readBy(line, hearsItself, 2);
    }
  });

  test.each(repeated)('the reply to function %s that comes during a read is no value', async (_code, write, pdu) => {
    const line = open();
    const answer = line.ask(writeOf(write));
    line.echo();
    expect(await answer).toEqual(data([]));
    const value = line.ask(read);
    line.reply(pdu);
    line.echo();
    line.reply([...registers({ code: 3 }, [9])]);
    expect(await value).toEqual(data([0, 9]));
  });
});
