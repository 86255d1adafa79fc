/** Replies that have come and cannot be read: told from noise and from what others say, asked once more, and never waited for. */
import { modbusLinkSchema } from '@fieldline/shared/config';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import type { Reply } from '../../../src/drivers/modbus/reply.ts';
import type { ModbusRequest } from '../../../src/drivers/modbus/request.ts';
import { createFakeChannel } from './fake-channel.ts';
import { createModelLink, useModelClock } from './model-bus.ts';
import { frameOf, registers, withChecksum } from './plc.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const unit = 17;
const timeoutMs = 3_000;
const read: ModbusRequest = { unit, table: 'holding', first: 0, count: 3, timeoutMs };
const values = [7, 300, 9];
const quietMs = 50;

/** Whether these are digits of the other case, which mean the same. */
const isSameDigit = (framing: string, one: number, other: number): boolean =>
  framing === 'ascii' && String.fromCharCode(one).toUpperCase() === String.fromCharCode(other).toUpperCase();

/** How long a frame over a network may pause within itself: in ASCII a second between any two characters. */
const framings = [
  ['rtu', 250],
  ['ascii', 1_000],
] as const;

describe.each(framings)('over %s', (framing, gapMs) => {
  const frame = (adu: Buffer): Buffer => frameOf(framing, null, adu);
  const replyOf = (from: number): Buffer => frame(Buffer.concat([Buffer.of(from), registers({ code: 3 }, values)]));
  const good = replyOf(unit);
  const wrongEnd = Buffer.from(good);
  wrongEnd.writeUInt8(good.readUInt8(9) ^ 1, 9);

  /** A line that has brought a reply before, so that it is known whether its adapter hears itself. */
  async function openLine(hearsItself = false) {
    const { channel, sent, receive } = createFakeChannel();
    const settings = { kind: `${framing}-over-tcp`, host: 'adapter', port: 4001 };
    const connection = new Connection(modbusLinkSchema.parse(settings), channel, () => {});
    const ask = (request: ModbusRequest = read) => {
      const startMs = performance.now();
      const state: { reply: Reply | null; afterMs: number } = { reply: null, afterMs: 0 };
      void connection.ask(request, null).then((reply) => {
        Object.assign(state, { reply, afterMs: performance.now() - startMs });
      });
      return state;
    };
    const first = ask();
    if (hearsItself) receive(sent.at(-1) ?? Buffer.alloc(0));
    receive(good);
    await vi.advanceTimersByTimeAsync(0);
    expect(first.reply?.kind).toBe('data');
    const settled = connection.settle();
    await vi.advanceTimersByTimeAsync(quietMs + 1);
    await settled;
    return { connection, receive, sent, ask };
  }

  test('a reply with any wrong bit ends its request when the line is quiet, and the next one can go out', async () => {
    for (let at = 0; at < good.length; at++) {
      const spoilt = Buffer.from(good);
      const right = good.readUInt8(at);
      spoilt.writeUInt8(right ^ 0x20, at);
      if (isSameDigit(framing, right, right ^ 0x20)) continue;
      const { connection, receive, ask } = await openLine();
      const asked = ask();
      receive(spoilt);
      await vi.advanceTimersByTimeAsync(quietMs + 1);
      expect(asked, `byte ${at}`).toMatchObject({ reply: { kind: 'garbled', isDamaged: true } });
      expect(asked.afterMs).toBeLessThanOrEqual(quietMs + 1);
      expect(connection.unsettled).toBe(false);
      const next = ask();
      receive(good);
      await vi.advanceTimersByTimeAsync(0);
      expect(next.reply?.kind).toBe('data');
    }
  });

  test('it is waited for as long as anything comes', async () => {
    const { receive, ask } = await openLine();
    const asked = ask();
    receive(wrongEnd);
    for (let piece = 0; piece < 5; piece++) {
      await vi.advanceTimersByTimeAsync(quietMs - 1);
      expect(asked.reply).toBeNull();
      receive(Buffer.of(0xee));
    }
    await vi.advanceTimersByTimeAsync(quietMs - 1);
    receive(good);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked.reply?.kind).toBe('data');
  });

  test('a reply that stops halfway ends after the gap, one that only pauses is read', async () => {
    const [begin, rest] = [good.subarray(0, 8), good.subarray(8)];
    const { receive, ask } = await openLine();
    const pausing = ask();
    receive(begin);
    await vi.advanceTimersByTimeAsync(gapMs - 1);
    receive(rest);
    await vi.advanceTimersByTimeAsync(0);
    expect(pausing.reply?.kind).toBe('data');
    const stopping = ask();
    receive(begin);
    await vi.advanceTimersByTimeAsync(gapMs + 1);
    expect(stopping.reply).toEqual({ kind: 'garbled', isDamaged: true });
  });

  test('a reply that lacks a byte is one too, at once where its end is marked', async () => {
    const { receive, ask } = await openLine();
    const asked = ask();
    receive(Buffer.concat([good.subarray(0, 8), good.subarray(9)]));
    const endsAfterMs = framing === 'ascii' ? quietMs : gapMs;
    await vi.advanceTimersByTimeAsync(endsAfterMs - 1);
    expect(asked.reply).toBeNull();
    await vi.advanceTimersByTimeAsync(2);
    expect(asked.reply).toEqual({ kind: 'garbled', isDamaged: true });
  });

  test('a refusal that cannot be read is one too', async () => {
    const { receive, ask } = await openLine();
    const asked = ask();
    const refusal = frame(Buffer.of(unit, 0x83, 2));
    refusal.writeUInt8(refusal.readUInt8(refusal.length - 3) ^ 1, refusal.length - 3);
    receive(refusal);
    await vi.advanceTimersByTimeAsync(gapMs + 1);
    expect(asked.reply).toEqual({ kind: 'garbled', isDamaged: true });
  });

  const otherFunction = frame(Buffer.of(unit, 4, 6, 0, 7, 1, 44, 0, 9));
  test.each<[string, Buffer]>([
    ['the beginning of a reply to another function', otherFunction.subarray(0, framing === 'ascii' ? 7 : 3)],
    ['what another unit says', replyOf(unit + 1)],
    ['what another unit says, with a reply of ours in its data', frame(Buffer.of(8, 3, 6, unit, 3, 6, 0, 7, 1))],
    ['a stray byte', Buffer.of(unit)],
    ['noise', Buffer.alloc(40, 0xf0)],
  ])('%s ends nothing: the reply may still come', async (_what, bytes) => {
    const { receive, ask } = await openLine();
    const asked = ask();
    receive(bytes);
    await vi.advanceTimersByTimeAsync(timeoutMs - 1);
    expect(asked.reply).toBeNull();
    receive(good);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked.reply?.kind).toBe('data');
  });

  test('a request that comes back damaged is no reply', async () => {
    const { receive, ask, sent } = await openLine(true);
    const asked = ask();
    const echo = Buffer.from(sent.at(-1) ?? Buffer.alloc(0));
    echo.writeUInt8(echo.readUInt8(echo.length - 4) ^ 1, echo.length - 4);
    receive(echo);
    await vi.advanceTimersByTimeAsync(timeoutMs - 1);
    expect(asked.reply).toBeNull();
    receive(good);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked.reply?.kind).toBe('data');
  });

  test('one that comes just before its time-out is damaged, and the line must be quiet before the next request', async () => {
    const { connection, receive, ask } = await openLine();
    const asked = ask();
    await vi.advanceTimersByTimeAsync(timeoutMs - 10);
    receive(wrongEnd);
    await vi.advanceTimersByTimeAsync(11);
    expect(asked.reply).toEqual({ kind: 'garbled', isDamaged: true });
    expect(connection.unsettled).toBe(true);
  });
});

describe('on a line of two units', () => {
  /** Answers of unit 1, by the number of its request; unit 2 always answers well. */
  function startLink(answerOf: (number: number, good: Buffer) => Buffer | null) {
    const { channel, receive } = createFakeChannel();
    const asked: { unit: number; code: number }[] = [];
    const write = (request: Buffer): void => {
      const [to, code, count] = [request.readUInt8(0), request.readUInt8(1), request.readUInt16BE(4)];
      asked.push({ unit: to, code });
      const number = asked.filter((one) => one.unit === to).length;
      const reply =
        code === 6
          ? request
          : withChecksum(Buffer.concat([Buffer.of(to), registers({ code }, Array(count).fill(number))]));
      const bytes = to === 1 ? answerOf(number, reply) : reply;
      if (bytes !== null) setTimeout(() => receive(bytes), 30);
    };
    const { link, registry } = createModelLink({ ...channel, write });
    link.expect(1, null);
    link.expect(2, null);
    link.start();
    const { signal } = new AbortController();
    const readUnit = async (of: number) => {
      const reply = link.read({ unit: of, table: 'holding', first: 0, count: 1, timeoutMs }, signal);
      await vi.advanceTimersByTimeAsync(3 * timeoutMs);
      return reply;
    };
    return { link, registry, asked, readUnit, signal };
  }
  const spoil = (bytes: Buffer): Buffer => {
    const spoilt = Buffer.from(bytes);
    spoilt.writeUInt8(bytes.readUInt8(4) ^ 0x55, 4);
    return spoilt;
  };

  test('a damaged reply is asked for once more in the same turn, and counted', async () => {
    const { link, registry, asked, readUnit } = startLink((number, good) => (number === 2 ? spoil(good) : good));
    expect((await readUnit(2)).kind).toBe('data');
    expect((await readUnit(1)).kind).toBe('data');
    const reply = await readUnit(1);
    expect(reply.kind === 'data' && reply.data.readUInt16BE(0)).toBe(3);
    expect(asked.filter(({ unit: to }) => to === 1)).toHaveLength(3);
    expect(await registry.text()).toMatch(/fieldline_modbus_retries_total\{.*\} 1\n/);
    await link.close();
  });

  test('a unit whose every reply is damaged is never taken for silent, and soon asked once in each turn', async () => {
    const { link, asked, readUnit } = startLink((_number, good) => spoil(good));
    await readUnit(2);
    for (let turn = 0; turn < 10; turn++) expect((await readUnit(1)).kind).toBe('garbled');
    expect(link.givenUpBecause(1)).toBeNull();
    // Three repetitions were in vain.
    expect(asked.filter(({ unit: to }) => to === 1)).toHaveLength(10 + 3);
    await link.close();
  });

  test('what writes is not repeated', async () => {
    const { link, asked, readUnit, signal } = startLink((number, good) => (number === 1 ? good : spoil(good)));
    await readUnit(2);
    await readUnit(1);
    const write = { code: 6, first: 3, words: [5] } as const;
    const written = link.ahead((ask) => ask({ unit: 1, timeoutMs, write }, signal));
    await vi.advanceTimersByTimeAsync(3 * timeoutMs);
    expect((await written).kind).toBe('garbled');
    const exchange = { name: 'page', first: 20, words: [1] };
    const exchanged = link.read({ unit: 1, table: 'holding', first: 0, count: 1, timeoutMs, exchange }, signal);
    await vi.advanceTimersByTimeAsync(3 * timeoutMs);
    expect((await exchanged).kind).toBe('garbled');
    expect(asked.filter(({ unit: to }) => to === 1).map(({ code }) => code)).toEqual([3, 6, 23]);
    await link.close();
  });
});
