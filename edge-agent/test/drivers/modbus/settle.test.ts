/** After a time-out: how long a line must be quiet before the next request. */
import { modbusLinkSchema } from '@fieldline/shared/config';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from '../../../src/drivers/modbus/connection.ts';
import { createFakeChannel } from './fake-channel.ts';
import { useModelClock } from './model-bus.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const noise = Buffer.of(0xee);

/** A line on which a request was in vain, and that settles since. */
async function settling(settings: object, vainMs: number) {
  const { channel, receive } = createFakeChannel();
  const connection = new Connection(modbusLinkSchema.parse(settings), channel, () => {});
  const reply = connection.ask({ unit: 1, table: 'holding', first: 0, count: 1, timeoutMs: 100 }, null);
  await wait(vainMs);
  expect((await reply).kind).toBe('timeout');
  let isSettled = false;
  void connection.settle().then(() => {
    isSettled = true;
  });
  return { receive, isSettled: () => isSettled };
}

test('what comes late has to be over', async () => {
  const { receive, isSettled } = await settling({ kind: 'rtu-over-tcp', host: 'adapter', port: 4001 }, 101);
  for (let byte = 0; byte < 6; byte++) {
    await wait(40);
    receive(noise);
  }
  await wait(45);
  expect(isSettled()).toBe(false);
  await wait(10);
  expect(isSettled()).toBe(true);
});

test('a line that is never quiet is asked again after a second all the same', async () => {
  const { receive, isSettled } = await settling({ kind: 'rtu', path: '/dev/x', baudRate: 9_600 }, 200);
  for (let ms = 0; ms < 900; ms += 20) {
    await wait(20);
    receive(noise);
  }
  expect(isSettled()).toBe(false);
  for (let ms = 0; ms < 300; ms += 20) {
    await wait(20);
    receive(noise);
  }
  expect(isSettled()).toBe(true);
});
