/** A device that is read by an exchange falls silent on a line that others share: it is looked for without writing. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeChannel } from './fake-channel.ts';
import { createModelLink, timeoutMs, useModelClock } from './model-bus.ts';
import { registers, withChecksum } from './plc.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const turns = 120;
const everyMs = 1_000;
const exchange = { name: 'page', first: 2_048, words: [1] };
const silentFrom = 10;
const silentUntil = 60;

test('no turn writes twice, and the probes of the silence write nothing', async () => {
  const { channel, receive } = createFakeChannel();
  const asked: { turn: number; code: number; count: number }[] = [];
  let turn = 0;
  const write = (request: Buffer): void => {
    const [unit, code, count] = [request.readUInt8(0), request.readUInt8(1), request.readUInt16BE(4)];
    if (unit === 1) asked.push({ turn, code, count });
    if (unit === 1 && turn >= silentFrom && turn < silentUntil) return;
    const pdu = registers({ code }, Array<number>(count).fill(7));
    setTimeout(() => receive(withChecksum(Buffer.concat([Buffer.of(unit), pdu]))), 30);
  };
  const { link } = createModelLink({ ...channel, write });
  link.expect(1, null);
  link.expect(2, null);
  link.start();
  const { signal } = new AbortController();
  const kinds: string[] = [];
  for (; turn < turns; turn++) {
    const table = 'holding' as const;
    const first = link.read({ unit: 1, table, first: 10, count: 20, timeoutMs, exchange }, signal);
    const second = link.read({ unit: 2, table, first: 0, count: 1, timeoutMs }, signal);
    await vi.advanceTimersByTimeAsync(everyMs);
    kinds.push((await first).kind);
    expect((await second).kind).toBe('data');
  }
  const writesOf = (wanted: number): number => asked.filter((one) => one.turn === wanted && one.code === 23).length;
  const perTurn = Array.from({ length: turns }, (_, wanted) => writesOf(wanted));
  expect(Math.max(...perTurn)).toBe(1);
  // Three in vain until it is given up; after that only registers are asked for, one at a time.
  expect(perTurn.slice(silentFrom, silentUntil).filter((count) => count > 0)).toHaveLength(3);
  const probes = asked.filter(({ code }) => code === 3);
  expect(probes.length).toBeGreaterThan(0);
  expect(new Set(probes.map(({ count }) => count))).toEqual(new Set([1]));
  expect(kinds.slice(-10)).toEqual(Array(10).fill('data'));
  await link.close();
});
