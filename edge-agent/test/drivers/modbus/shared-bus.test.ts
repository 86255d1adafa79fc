/** Ten minutes of a bus that many units share: see `model-bus.ts`. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Link } from '../../../src/drivers/modbus/link.ts';
import { type Bus, goodOf, heldMsOf, pollBus, thinkMs, timeoutMs, useModelClock, writeCode } from './model-bus.ts';

const units = 30;
const turns = 400;
/** 30 requests and replies of 38 ms, silences of 4 ms and the devices' own time: 1.4 s. */
const everyMs = 1_500;

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

test('one dead unit of thirty leaves the others 95 % of their rate, and takes under 2 % of the bus', async () => {
  const alive = await pollBus({ units, turns, everyMs });
  for (const unit of alive.replies.keys()) expect(goodOf(alive, unit)).toBeGreaterThanOrEqual(0.99 * turns);

  const dead = 13;
  const bus = await pollBus({ units, turns, everyMs, isDead: (unit) => unit === dead });
  for (const unit of bus.replies.keys()) {
    if (unit !== dead) expect(goodOf(bus, unit)).toBeGreaterThanOrEqual(0.95 * turns);
  }
  // Each turn has its answer: three requests in vain, then that it is silent, and now and then another in vain.
  const silent = bus.replies.get(dead) ?? [];
  expect(silent.length).toBeGreaterThanOrEqual(0.95 * turns);
  expect(silent.slice(0, 4).map(({ kind }) => kind)).toEqual(['timeout', 'timeout', 'timeout', 'silent']);
  expect(new Set(silent.map(({ kind }) => kind))).toEqual(new Set(['timeout', 'silent']));
  expect(bus.link.givenUpBecause(dead)).toBe('timeout');
  const firstThreeMs = 3 * (timeoutMs + 100);
  expect(heldMsOf(bus, (unit) => unit === dead)).toBeLessThan(firstThreeMs + 0.02 * bus.elapsedMs);
});

/** From when a unit is there again to its first good reply. */
function noticedAfterMs({ replies }: Bus, unit: number, returnedMs: number): number {
  const first = (replies.get(unit) ?? []).find(({ kind, atMs }) => kind === 'data' && atMs > returnedMs);
  return (first?.atMs ?? Number.POSITIVE_INFINITY) - returnedMs;
}

test('a unit that answered before it fell silent is noticed back within seconds, at under 2 % of the bus', async () => {
  // One after another, and of different lengths.
  const outages = [1, 2, 3, 4, 5, 6].map((unit) => ({
    unit,
    fromMs: unit * 85_000,
    untilMs: unit * 85_000 + 50_000 + unit * 1_100,
  }));
  const isDead = (unit: number, atMs: number): boolean =>
    outages.some((outage) => outage.unit === unit && atMs >= outage.fromMs && atMs < outage.untilMs);
  const bus = await pollBus({ units, turns, everyMs, isDead });
  // A probe takes 25 ms of waiting, 17 ms of wire and 58 ms of silence: it is repeated after 67 to 100 times as long, in a turn.
  const noticed = outages.map(({ unit, untilMs }) => noticedAfterMs(bus, unit, untilMs));
  expect(Math.max(...noticed)).toBeLessThan(13_000);
  for (const { unit, fromMs, untilMs } of outages) {
    const asked = bus.asked.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
    const held = heldMsOf({ asked }, (other) => other === unit);
    expect(held).toBeLessThan(3 * (timeoutMs + 100) + 0.02 * (untilMs - fromMs));
  }
});

test('a unit that has become slow is noticed back too, by the probes that wait for the whole time-out', async () => {
  const [dead, fromMs, untilMs] = [7, 60_000, 120_000];
  const isDead = (unit: number, atMs: number): boolean => unit === dead && atMs >= fromMs && atMs < untilMs;
  const thinkMsOf = (unit: number, atMs: number): number => (unit === dead && atMs >= fromMs ? 300 : thinkMs);
  // It takes 300 ms of each turn then.
  const bus = await pollBus({ units, turns, everyMs: 2_000, isDead, thinkMsOf });
  expect(noticedAfterMs(bus, dead, untilMs)).toBeLessThan(1.5 * 200 * (timeoutMs + 100));
  const others = [...bus.replies.keys()].filter((unit) => unit !== dead);
  for (const unit of others) expect(goodOf(bus, unit)).toBeGreaterThanOrEqual(0.95 * turns);
});

test('of a bus asked for twice what it can carry, alarms have their rate, the others share the rest, all misses are counted', async () => {
  const isAlarm = (unit: number): boolean => unit <= 6;
  const all = Array.from({ length: units }, (_, index) => index + 1);
  const others = all.filter((unit) => !isAlarm(unit));
  const halfMs = 700;
  const overloaded = { units, turns, everyMs: halfMs };
  const bus = await pollBus({ ...overloaded, classOf: (unit) => (isAlarm(unit) ? 'alarm' : 'process') });
  for (const unit of all.filter(isAlarm)) expect(goodOf(bus, unit)).toBeGreaterThanOrEqual(turns - 1);
  expect(bus.missedOf('alarm')).toBe(0);

  // Six alarms take 40 % of the line; the others have the rest of it, in equal parts: three in eight of their turns.
  const shares = others.map((unit) => goodOf(bus, unit));
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.35 * turns);
  const read = shares.reduce((sum, share) => sum + share);
  // What is missed is counted at the next read, and nobody waits for longer than three turns.
  const uncounted = others.length * turns - read - bus.missedOf('process');
  expect(uncounted).toBeGreaterThanOrEqual(0);
  expect(uncounted).toBeLessThanOrEqual(3 * others.length);

  const equal = await pollBus(overloaded);
  const alike = all.map((unit) => goodOf(equal, unit));
  expect(Math.max(...alike) - Math.min(...alike)).toBeLessThanOrEqual(1);
  expect(Math.max(...alike), 'without classes nobody has its rate').toBeLessThan(0.55 * turns);
});

test('on a bus that is asked for twice what it can carry, a write waits for no more than the request that runs', async () => {
  const waitsMs: number[] = [];
  const never = new AbortController().signal;
  const written: string[] = [];
  const write = { code: writeCode, first: 90, words: [1] } as const;
  const askAfter = (link: Link, afterMs: number): void => {
    setTimeout(() => {
      const calledMs = performance.now();
      void link.ahead(async (ask) => {
        waitsMs.push(performance.now() - calledMs);
        written.push((await ask({ unit: 3, timeoutMs, write }, never)).kind);
      });
    }, afterMs);
  };
  await pollBus({
    units,
    turns: 100,
    everyMs: 700,
    classOf: () => 'alarm',
    beside: (link) => {
      for (let n = 1; n <= 60; n++) askAfter(link, n * 1_013);
    },
  });
  expect(written).toEqual(Array(60).fill('data'));
  // A request and its reply, with the silence before it: 46 ms.
  expect(Math.max(...waitsMs)).toBeLessThanOrEqual(50);
});
