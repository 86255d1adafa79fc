import { modbusLinkSchema } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import type { Reply } from '../../../src/drivers/modbus/reply.ts';
import { createFakeChannel } from './fake-channel.ts';
import { type Framing, frameOf, registers } from './plc.ts';

const unit = 17;
const linkOf = (framing: Framing | 'udp') =>
  modbusLinkSchema.parse(
    framing === 'tcp' || framing === 'udp'
      ? { kind: framing, host: 'plc' }
      : { kind: `${framing}-over-tcp`, host: 'plc', port: 4001 },
  );

/** A connection whose other end is the test. */
function open(framing: Framing | 'udp') {
  const { channel, sent, receive } = createFakeChannel();
  let late = 0;
  const connection = new Connection(linkOf(framing), channel, () => {
    late += 1;
  });
  const read = (count: number, timeoutMs = 10_000): Promise<Reply> =>
    connection.ask({ unit, table: 'holding', first: 0, count, timeoutMs }, null);
  const lastId = (): number => sent.at(-1)?.readUInt16BE(0) ?? 0;
  return { connection, read, receive, lastId, isOpen: channel.isOpen, late: () => late };
}

const valuesOf = (reply: Reply): number[] | string =>
  reply.kind === 'data'
    ? Array.from({ length: reply.data.length / 2 }, (_, n) => reply.data.readUInt16BE(2 * n))
    : reply.kind;

/** Feeds the bytes in pieces of these sizes, over and over. */
function feed(receive: (bytes: Buffer) => void, bytes: Buffer, sizes: readonly number[]): void {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    receive(bytes.subarray(at, at + size));
    at += size;
  }
}

const words = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 125 });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
const garbage = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
const frame = (framing: Framing, id: number, values: readonly number[], from = unit): Buffer =>
  frameOf(framing, id, Buffer.concat([Buffer.of(from), registers({ code: 3 }, values)]));

describe.each(['rtu', 'ascii'] as const)('on a line of %s frames', (framing) => {
  test('a reply is found in noise, in any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(words, sizes, garbage, garbage, async (values, pieces, before, after) => {
        const { read, receive } = open(framing);
        const reply = read(values.length);
        // A line break ends a frame of digits that noise has begun.
        const noise = framing === 'ascii' ? Buffer.concat([before, Buffer.from('\r\n')]) : before;
        const others = frame(framing, 0, values, unit + 1);
        feed(receive, Buffer.concat([noise, others, frame(framing, 0, values), after]), pieces);
        expect(valuesOf(await reply)).toEqual(values);
      }),
    );
  });

  test('a reply with any wrong byte is none', async () => {
    await fc.assert(
      fc.asyncProperty(
        words,
        sizes,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (values, pieces, place, flip) => {
          const { connection, read, receive } = open(framing);
          const reply = read(values.length);
          const bytes = frame(framing, 0, values);
          const at = place % bytes.length;
          const right = bytes.readUInt8(at);
          bytes.writeUInt8(right ^ flip, at);
          // Digits may be lower case.
          fc.pre(framing === 'rtu' || String.fromCharCode(right ^ flip).toUpperCase() !== String.fromCharCode(right));
          feed(receive, bytes, pieces);
          connection.abort();
          expect((await reply).kind).toBe('aborted');
        },
      ),
    );
  });

  test('what came before the request, or after one was given up, is no reply', async () => {
    await fc.assert(
      fc.asyncProperty(words, sizes, async (values, pieces) => {
        const { connection, read, receive } = open(framing);
        feed(receive, frame(framing, 0, values), pieces);
        const given = read(values.length);
        connection.abort();
        expect((await given).kind).toBe('aborted');
        expect(connection.unsettled).toBe(true);
        feed(receive, frame(framing, 0, values), pieces);
        const wrong = values.map((word) => word ^ 1);
        const reply = read(values.length);
        receive(frame(framing, 0, wrong));
        expect(valuesOf(await reply)).toEqual(wrong);
      }),
      { numRuns: 30 },
    );
  });
});

test.each(['rtu', 'ascii'] as const)(
  'an adapter that hears itself makes no number of a request: %s',
  async (framing) => {
    const { channel, sent, receive } = createFakeChannel();
    const connection = new Connection(linkOf(framing), channel, () => {});
    // Address 0x0312: read as a reply, its high byte is a byte count, and 20 coils stand in three bytes.
    const reply = connection.ask({ unit, table: 'coil', first: 0x0312, count: 20, timeoutMs: 10_000 }, null);
    for (const byte of Buffer.concat([Buffer.of(0), sent[0] ?? Buffer.alloc(0)])) receive(Buffer.of(byte));
    receive(frameOf(framing, 0, Buffer.of(unit, 1, 3, 7, 8, 9)));
    expect(await reply).toEqual({ kind: 'data', data: Buffer.of(7, 8, 9) });
  },
);

describe('on a stream of Modbus TCP frames', () => {
  /** Ids, relative to the open request, of replies that come before its own. */
  const others = fc.array(fc.record({ id: fc.integer({ min: 1, max: 0xffff }), values: words }), { maxLength: 4 });

  test('a reply is known by its transaction, in any pieces, joined to any others', async () => {
    await fc.assert(
      fc.asyncProperty(words, sizes, others, async (values, pieces, foreign) => {
        const { read, receive, lastId, late } = open('tcp');
        const reply = read(values.length);
        const before = foreign.map((one) => frame('tcp', (lastId() + one.id) & 0xffff, one.values));
        feed(receive, Buffer.concat([...before, frame('tcp', lastId(), values)]), pieces);
        expect(valuesOf(await reply)).toEqual(values);
        expect(late()).toBe(foreign.length);
      }),
    );
  });

  test('the id of a request that is still owed its reply is not used again', async () => {
    const { connection, read, receive, lastId } = open('tcp');
    const owed = read(1);
    const owedId = lastId();
    connection.abort();
    await owed;
    const ids = new Set<number>();
    for (let turn = 0; turn <= 0xffff; turn++) {
      const reply = read(1);
      ids.add(lastId());
      receive(frame('tcp', lastId(), [turn]));
      await reply;
    }
    expect(ids.has(owedId)).toBe(false);
    expect(ids.size).toBe(0xffff);
  });

  test('a header that cannot be one ends the connection', async () => {
    const header = fc.record({ protocol: fc.nat(0xffff), length: fc.nat(0xffff) });
    await fc.assert(
      fc.asyncProperty(header, sizes, async ({ protocol, length }, pieces) => {
        fc.pre(protocol !== 0 || length < 3 || length > 254);
        const { read, receive, lastId, isOpen } = open('tcp');
        const reply = read(1);
        const bytes = Buffer.alloc(20);
        bytes.writeUInt16BE(lastId(), 0);
        bytes.writeUInt16BE(protocol, 2);
        bytes.writeUInt16BE(length, 4);
        feed(receive, bytes, pieces);
        expect((await reply).kind).toBe('not-connected');
        expect(isOpen()).toBe(false);
      }),
    );
  });
});

describe.each(['tcp', 'udp'] as const)('over %s', (framing) => {
  test('whatever comes late, twice or in another order, each request has its own reply or none', async () => {
    const step = fc.record({
      isGivenUp: fc.boolean(),
      /** Replies to earlier requests, counted back from this one, that come first. */
      late: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }),
      again: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const { connection, read, receive, lastId } = open(framing);
        const replies: Buffer[] = [];
        for (const [number, { isGivenUp, late, again }] of steps.entries()) {
          const reply = read(1);
          const own = frame('tcp', lastId(), [number]);
          for (const back of late) receive(replies.at(-back) ?? Buffer.alloc(0));
          replies.push(own);
          if (isGivenUp) connection.abort();
          else receive(own);
          if (again) receive(own);
          expect(valuesOf(await reply)).toEqual(isGivenUp ? 'aborted' : [number]);
        }
      }),
    );
  });
});

describe.each(['tcp', 'udp', 'rtu', 'ascii'] as const)('in %s framing', (framing) => {
  const inFrame = framing === 'udp' ? 'tcp' : framing;

  test.each<[string, Buffer]>([
    ['another function', Buffer.of(unit, 4, 2, 0, 9)],
    ['another unit', Buffer.of(unit + 1, 3, 2, 0, 9)],
    ['fewer bytes than asked for', Buffer.of(unit, 3, 2, 0, 9)],
    ['more bytes than asked for', Buffer.of(unit, 3, 6, 0, 9, 0, 9, 0, 9)],
    ['a byte count that is not that of its data', Buffer.of(unit, 3, 2, 0, 9, 0, 9)],
    ['an exception to another function', Buffer.of(unit, 0x84, 2)],
  ])('a reply with %s gives no value', async (_what, adu) => {
    const { connection, read, receive, lastId } = open(framing);
    const reply = read(2);
    receive(frameOf(inFrame, framing === 'rtu' || framing === 'ascii' ? 0 : lastId(), adu));
    connection.abort();
    expect(['aborted', 'garbled']).toContain((await reply).kind);
  });
});
