/** When a request is given up: not while its reply is still on the wire, and never in place of another. */
import { modbusLinkSchema } from '@fieldline/shared/config';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import type { Reply } from '../../../src/drivers/modbus/reply.ts';
import { createFakeChannel } from './fake-channel.ts';
import { useModelClock } from './model-bus.ts';
import { frameOf, registers } from './plc.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const unit = 17;
const timeoutMs = 100;
const replyOf = (values: readonly number[]): Buffer =>
  frameOf('rtu', null, Buffer.concat([Buffer.of(unit), registers({ code: 3 }, values)]));

function open(link: object) {
  const { channel, receive } = createFakeChannel();
  const connection = new Connection(modbusLinkSchema.parse(link), channel, () => {});
  const ask = (count: number) => {
    const state: { reply: Reply | null } = { reply: null };
    void connection.ask({ unit, table: 'holding', first: 0, count, timeoutMs }, null).then((reply) => {
      state.reply = reply;
    });
    return state;
  };
  return { receive, ask };
}

test('a reply that comes while its request is being given up ends that one, and not the next', async () => {
  const { receive, ask } = open({ kind: 'rtu-over-tcp', host: 'adapter', port: 4001 });
  const first = ask(1);
  vi.advanceTimersByTime(timeoutMs - 1);
  // The time-out, and not yet the look at what has arrived meanwhile.
  vi.advanceTimersToNextTimer();
  receive(replyOf([5]));
  await null;
  await null;
  const second = ask(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(first.reply).toMatchObject({ kind: 'data', data: Buffer.of(0, 5) });
  expect(second.reply).toBeNull();
  receive(replyOf([6]));
  await vi.advanceTimersByTimeAsync(0);
  expect(second.reply).toMatchObject({ kind: 'data', data: Buffer.of(0, 6) });
});

test('the time that the bytes take on a slow line is not taken from the time of the device', async () => {
  const { receive, ask } = open({ kind: 'rtu', path: '/dev/ttyS1', baudRate: 1_200 });
  // 8 + 205 bytes of 11 bits each.
  const wireMs = 1_953;
  const answered = ask(100);
  await vi.advanceTimersByTimeAsync(wireMs + timeoutMs - 10);
  expect(answered.reply).toBeNull();
  receive(replyOf(Array(100).fill(1)));
  await vi.advanceTimersByTimeAsync(0);
  expect(answered.reply?.kind).toBe('data');
  const unanswered = ask(100);
  await vi.advanceTimersByTimeAsync(wireMs + timeoutMs + 10);
  expect(unanswered.reply).toEqual({ kind: 'timeout' });
});
