/** Replies that nobody waits for any more: each would pass for the reply to the next request of its shape. */
import { createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { modbusLinkSchema } from '@fieldline/shared/config';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import { LineMemory } from '../../../src/drivers/modbus/ports/line-memory.ts';
import { isDamaged, type Reply } from '../../../src/drivers/modbus/reply.ts';
import { createFakeChannel } from './fake-channel.ts';
import { useModelClock } from './model-bus.ts';
import { frameOf, registers, withChecksum } from './plc.ts';
import { device, startRig, words } from './rig.ts';

const unit = 17;
const quietMs = 50;

describe.each(['rtu', 'ascii'] as const)('on a line of %s', (framing) => {
  beforeEach(useModelClock);
  afterEach(() => {
    vi.useRealTimers();
  });

  const frame = (value: number): Buffer =>
    frameOf(framing, null, Buffer.concat([Buffer.of(unit), registers({ code: 3 }, [value])]));

  function openLine(memory = new LineMemory()) {
    const { channel, receive } = createFakeChannel();
    const told: boolean[] = [];
    const settings = modbusLinkSchema.parse({ kind: `${framing}-over-tcp`, host: 'adapter', port: 4001 });
    const connection = new Connection(settings, channel, (isFirst) => told.push(isFirst), memory);
    const ask = async (first: number, say: () => Promise<unknown>): Promise<Reply> => {
      const reply = connection.ask({ unit, table: 'holding', first, count: 1, timeoutMs: 1_000 }, null);
      await say();
      return reply;
    };
    const answered = async (value: number): Promise<void> => {
      const reply = await ask(value, async () => receive(frame(value)));
      expect(reply).toEqual({ kind: 'data', data: Buffer.of(0, value) });
    };
    return { connection, memory, receive, told, ask, answered };
  }

  /** One that has shown at its first replies that they do not come twice. */
  async function openProvenLine(memory = new LineMemory()) {
    const line = openLine(memory);
    for (let reply = 1; reply <= 5; reply++) {
      await line.answered(reply);
      await settlesAfter(line.connection, quietMs);
    }
    return line;
  }

  async function settlesAfter(connection: Connection, ms: number): Promise<void> {
    let isSettled = false;
    void connection.settle().then(() => {
      isSettled = true;
    });
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(isSettled).toBe(false);
    await vi.advanceTimersByTimeAsync(3);
    expect(isSettled).toBe(true);
  }

  test('a second reply is told, and from then on the line must be quiet before each request', async () => {
    const { connection, receive, told, answered } = await openProvenLine();
    await answered(1);
    expect(connection.unsettled).toBe(false);
    for (const byte of frame(1)) receive(Buffer.of(byte));
    expect(told.filter((isFirst) => isFirst)).toEqual([true]);
    expect(connection.unsettled).toBe(true);
    await settlesAfter(connection, quietMs);
    await answered(2);
    expect(connection.unsettled).toBe(true);
    receive(frame(2));
    expect(told.filter((isFirst) => isFirst)).toEqual([true]);
    await settlesAfter(connection, quietMs);
    await vi.advanceTimersByTimeAsync(600_000);
    await answered(3);
    expect(connection.unsettled).toBe(false);
  });

  test('where each reply comes twice, that is found before the next request', async () => {
    const { connection, receive, told, answered } = openLine();
    await answered(1);
    expect(connection.unsettled).toBe(true);
    receive(frame(1));
    expect(told).toEqual([true]);
    await settlesAfter(connection, quietMs);
  });

  test('of two replies that come together the last one counts, and that is told', async () => {
    const { connection, receive, told, ask } = await openProvenLine();
    const reply = await ask(6, async () => receive(Buffer.concat([frame(5), frame(6)])));
    expect(reply).toEqual({ kind: 'data', data: Buffer.of(0, 6) });
    expect(told).toEqual([true]);
    expect(connection.unsettled).toBe(true);
  });

  test('a second reply is told that begins with the last piece of the first', async () => {
    const { connection, receive, told, ask } = await openProvenLine();
    const second = frame(6);
    await ask(6, async () => receive(Buffer.concat([frame(6), second.subarray(0, 3)])));
    receive(second.subarray(3));
    expect(told).toEqual([true]);
    expect(connection.unsettled).toBe(true);
  });

  test('it is not forgotten with the connection', async () => {
    const first = openLine();
    await first.answered(1);
    first.receive(frame(1));
    const second = await openProvenLine(first.memory);
    await second.answered(2);
    expect(second.connection.unsettled).toBe(true);
  });

  test('a reply after its time-out, noise, and what another unit says are no second replies', async () => {
    const { connection, memory, receive, told, ask, answered } = await openProvenLine();
    const reply = await ask(1, () => vi.advanceTimersByTimeAsync(1_001));
    expect(reply.kind).toBe('timeout');
    receive(frame(1));
    await settlesAfter(connection, quietMs);
    await answered(2);
    receive(Buffer.of(0, 0xff));
    receive(frameOf(framing, null, Buffer.concat([Buffer.of(unit + 1), registers({ code: 3 }, [2])])));
    expect(told).toEqual([false, false, false]);
    expect(memory.doubles).toBe(false);
    expect(connection.unsettled).toBe(false);
  });

  test('after a request that was sent again for a damaged reply, both replies may come', async () => {
    const { connection, receive, ask, answered } = await openProvenLine();
    const damaged = frame(5);
    const at = framing === 'rtu' ? 4 : 9;
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    const tookMs = 200;
    const spoilt = async (): Promise<void> => {
      await vi.advanceTimersByTimeAsync(tookMs);
      receive(damaged);
      await vi.advanceTimersByTimeAsync(quietMs + 1);
    };
    expect(isDamaged(await ask(5, spoilt))).toBe(true);
    await answered(5);
    await settlesAfter(connection, quietMs + tookMs + quietMs);
    expect(isDamaged(await ask(5, spoilt))).toBe(true);
    await answered(6);
    expect(connection.unsettled).toBe(false);
  });
});

test('the longest that any unit may take counts, whichever was asked last', () => {
  const memory = new LineMemory();
  expect(memory.freeAtMs).toBe(0);
  memory.owes(3_000);
  memory.owes(200);
  expect(memory.freeAtMs).toBe(3_000);
});

test('a reply to what an earlier connection has asked is not taken by the next one', async () => {
  const timeoutMs = 1_000;
  const slowMs = 800;
  let current: Socket | undefined;
  let asked = 0;
  let freeAtMs = 0;
  // A converter: one request after another on its serial side, each reply to whoever is connected by then.
  const converter = createServer((socket) => {
    current = socket;
    socket.on('error', () => {});
    socket.on('data', (request) => {
      asked += 1;
      const isCut = asked === 2;
      const address = request.readUInt16BE(2);
      freeAtMs = Math.max(freeAtMs, performance.now()) + (isCut ? slowMs : 20);
      const reply = withChecksum(Buffer.concat([request.subarray(0, 1), registers({ code: 3 }, [address])]));
      setTimeout(() => current?.write(reply), freeAtMs - performance.now());
      if (isCut) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => converter.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void converter.close());
  const address = converter.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const link = { kind: 'rtu-over-tcp', host: '127.0.0.1', port } as const;
  const rig = await startRig([device({ link, timeoutMs, maxGap: 0, tags: words(0, 100, 200) })]);
  const seen: unknown[] = [];
  for (let good = 0; good < 2; ) {
    const read = await rig.read();
    seen.push(...[0, 100, 200].filter((at) => typeof read[`w${at}`] === 'number' && read[`w${at}`] !== at));
    if (read.w200 === 200) good += 1;
    else await pause(10);
  }
  expect(seen).toEqual([]);
});
