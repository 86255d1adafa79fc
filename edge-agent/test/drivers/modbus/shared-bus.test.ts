/**
 * Ten minutes of a bus, in a few seconds: the link, its guards and the poller are the real ones; the line is a model that takes
 * its time for each byte, under a clock of the test's own, so that a busy machine does not decide what is measured.
 */
import { modbusLinkSchema } from '@fieldline/shared/config';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DialIns } from '../../../src/drivers/modbus/channels/dial-in.ts';
import { Link, type LinkReply } from '../../../src/drivers/modbus/link.ts';
import { createModbusMetrics } from '../../../src/drivers/modbus/metrics.ts';
import { FlightRecorder } from '../../../src/drivers/modbus/recorder/flight-recorder.ts';
import { createPoller } from '../../../src/poller/poller.ts';
import { createFakeChannel } from './fake-channel.ts';
import { registers, withChecksum } from './plc.ts';

const baudRate = 9_600;
/** Start, eight data bits, parity, stop. */
const characterMs = (11 * 1_000) / baudRate;
const unitCount = 30;
const registerCount = 10;
const thinkMs = 4;
/** 30 requests and replies of 38 ms, silences of 4 ms and the devices' own time: 1.4 s. */
const everyMs = 1_500;
const timeoutMs = 500;
const turns = 400;

beforeEach(() => {
  const toFake = ['setTimeout', 'clearTimeout', 'setImmediate', 'performance', 'Date'] as const;
  vi.useFakeTimers({ toFake: [...toFake], fakeNodeBuiltins: true });
});
afterEach(() => {
  vi.useRealTimers();
});

type Asked = { readonly unit: number; readonly atMs: number };

/** Devices at the other end of a line: all but the dead answer, as fast as the line is. */
function devicesOn(dead: ReadonlySet<number>) {
  const asked: Asked[] = [];
  const { channel, receive } = createFakeChannel();
  const write = (request: Buffer): void => {
    const unit = request.readUInt8(0);
    asked.push({ unit, atMs: performance.now() });
    if (dead.has(unit)) return;
    const values = Array.from({ length: registerCount }, (_, n) => 100 * unit + n);
    const reply = withChecksum(Buffer.concat([Buffer.of(unit), registers({ code: 3 }, values)]));
    setTimeout(() => receive(reply), (request.length + reply.length) * characterMs + thinkMs);
  };
  return { asked, channel: { ...channel, write } };
}

/** Polls all units of a bus for all turns; gives how often each was read, and how long the dead held the line. */
async function poll(dead: ReadonlySet<number>) {
  const { asked, channel } = devicesOn(dead);
  const clock = { now: () => performance.now() * 1_000, monotonicMs: () => performance.now() };
  const registry = createMetrics();
  const metrics = createModbusMetrics(registry);
  const parts = { clock, log: silentLog, metrics, heldSinceMs: () => null };
  const recorder = new FlightRecorder({ memoryBytes: 0, maxFiles: 1 }, parts, []);
  const settings = modbusLinkSchema.parse({ kind: 'rtu', path: '/dev/model', baudRate });
  const dialIns = new DialIns(silentLog, () => {});
  const link = new Link(settings, { ...parts, dialIns, recorder, openChannel: () => Promise.resolve(channel) });
  const replies: LinkReply[][] = [];
  const requests = Array.from({ length: unitCount }, (_, index) => {
    const mine: LinkReply[] = [];
    const unit = index + 1;
    replies.push(mine);
    link.expect(unit, null);
    const request = { unit, table: 'holding', first: 0, count: registerCount, timeoutMs } as const;
    const read = async (signal: AbortSignal) => {
      mine.push(await link.read(request, signal));
      return [];
    };
    return { link: link.name, name: `unit ${unit}`, everyMs, read };
  });
  link.start();
  const poller = createPoller({ clock, log: silentLog, metrics: registry, onSamples: () => {} });
  poller.start(requests);
  await vi.advanceTimersByTimeAsync(turns * everyMs);
  const closing = Promise.all([poller.close(), link.close()]);
  await vi.advanceTimersByTimeAsync(1_000);
  await closing;
  const heldMs = asked.reduce(
    (sum, { unit, atMs }, n) => sum + (dead.has(unit) ? (asked[n + 1]?.atMs ?? atMs) - atMs : 0),
    0,
  );
  const elapsedMs = turns * everyMs;
  return { replies, link, heldMs, elapsedMs };
}

const goodOf = (replies: readonly LinkReply[]): number => replies.filter(({ kind }) => kind === 'data').length;

test('one dead unit of thirty leaves the others 95 % of their rate, and takes under 2 % of the bus', async () => {
  const alive = await poll(new Set());
  for (const replies of alive.replies) expect(goodOf(replies)).toBeGreaterThanOrEqual(0.99 * turns);

  const dead = 13;
  const { replies, link, heldMs, elapsedMs } = await poll(new Set([dead]));
  for (const [index, mine] of replies.entries()) {
    if (index + 1 !== dead) expect(goodOf(mine)).toBeGreaterThanOrEqual(0.95 * turns);
  }
  // Each turn has its answer: three requests in vain, then that it is silent, and now and then another in vain.
  const silent = replies[dead - 1] ?? [];
  expect(silent.length).toBeGreaterThanOrEqual(0.95 * turns);
  expect(silent.slice(0, 4).map(({ kind }) => kind)).toEqual(['timeout', 'timeout', 'timeout', 'silent']);
  expect(new Set(silent.map(({ kind }) => kind))).toEqual(new Set(['timeout', 'silent']));
  expect(link.isSilent(dead)).toBe(true);
  const firstThreeMs = 3 * (timeoutMs + 100);
  expect(heldMs).toBeLessThan(firstThreeMs + 0.02 * elapsedMs);
});
