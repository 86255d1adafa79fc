/** Exception 4, server device failure: many devices say it of a register that is missing or a request that is too long. */
import { createMetrics } from '@fieldline/shared/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createModbusDriver } from '../../../src/drivers/modbus/driver.ts';
import { listeningLog } from '../../helpers/listening-log.ts';
import { type Ask, exception, memory, type Plc, registers, startPlc } from './plc.ts';
import { createTestClock, device, startRig, tcp, words } from './rig.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const asked = ({ asks }: Plc): string[] => asks.splice(0).map(({ first, count }) => `${first}+${count}`);
const reads = ({ first, count }: Ask, address: number): boolean => first <= address && address < first + count;

/** A device that fails at each request of which `fails` says so. */
async function failingAt(fails: (ask: Ask) => boolean, count: number) {
  const plc = await startPlc((ask, reply) => {
    if (fails(ask)) reply.send(exception(ask, 4));
    else memory()(ask, reply);
  });
  onTestFinished(() => plc.close());
  const clock = createTestClock();
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(...upTo(count)) })], clock);
  return { plc, clock, rig };
}

/** What a device of so many registers gives; the others are bad. */
const given = (count: number, bad: readonly number[] = []) =>
  Object.fromEntries(upTo(count).map((n) => [`w${n}`, bad.includes(n) ? 'bad/refused' : n]));

/** Those that a turn may add, and the repetition of one. */
const mostRequests = 16 + 1;

/** Right in the end, and from then on; no turn asks for much more than its blocks. */
async function readUntil(rig: Awaited<ReturnType<typeof failingAt>>['rig'], plc: Plc, right: object, blocks = 4) {
  for (let turn = 0; turn < 34; turn++) {
    plc.asks.splice(0);
    const readings = await rig.read();
    expect(plc.asks.length).toBeLessThanOrEqual(mostRequests + blocks);
    if (turn >= 30) expect(readings).toEqual(right);
  }
}

describe('a device that fails at a register', () => {
  test('is divided in the third turn, not at the first failure, and gives all its other tags', async () => {
    const { plc, rig } = await failingAt((ask) => reads(ask, 17), 30);
    for (let turn = 0; turn < 2; turn++) {
      expect(await rig.read()).toEqual(given(30, upTo(30)));
      expect(asked(plc).every((block) => block === '0+30')).toBe(true);
    }
    await readUntil(rig, plc, given(30, [17]));
    plc.asks.splice(0);
    expect(await rig.read()).toEqual(given(30, [17]));
    expect(asked(plc)).toEqual(['0+17', '18+12']);
    expect(rig.driver.status()).toEqual([
      { device: 'plc', state: 'connected', trouble: 'it refuses 1 of its tags: w17' },
    ]);
  });

  test('is found out at many of them, and asked again when they may be there', async () => {
    const failing = new Set([0, 1, 2, 9, 30, 59]);
    const { plc, rig, clock } = await failingAt((ask) => [...failing].some((address) => reads(ask, address)), 60);
    await readUntil(rig, plc, given(60, [...failing]), 10);
    failing.clear();
    clock.putForward(10_001);
    await readUntil(rig, plc, given(60), 10);
    plc.asks.splice(0);
    await rig.read();
    expect(asked(plc)).toEqual(['0+60']);
    expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
  });

  test('may be failing at all that a first look meets', async () => {
    const { plc, rig } = await failingAt((ask) => upTo(24).some((n) => reads(ask, n < 20 ? n : n * 2)), 48);
    await readUntil(rig, plc, given(48, [...upTo(20), 40, 42, 44, 46]), 10);
  });

  test('only for the turn in which it is divided, gives it in each turn after', async () => {
    let isFailing = true;
    const { rig } = await failingAt((ask) => isFailing && reads(ask, 17), 30);
    for (let turn = 0; turn < 3; turn++) expect(await rig.read()).toMatchObject({ w17: 'bad/refused' });
    isFailing = false;
    for (let turn = 0; turn < 4; turn++) expect(await rig.read()).toMatchObject({ w17: 17 });
  });

  test('and fails as a whole meanwhile, is remembered for nothing else', async () => {
    let isFailing = false;
    const { plc, rig, clock } = await failingAt((ask) => isFailing || reads(ask, 3), 8);
    await readUntil(rig, plc, given(8, [3]));
    await rig.read();
    isFailing = true;
    clock.putForward(10_001);
    for (let turn = 0; turn < 8; turn++) expect(await rig.read()).toEqual(given(8, upTo(8)));
    isFailing = false;
    expect(await rig.read()).toEqual(given(8, [3]));
  });
});

test('a device that fails at long requests gets shorter ones', async () => {
  const { plc, rig } = await failingAt(({ count }) => count > 10, 60);
  await readUntil(rig, plc, given(60));
  plc.asks.splice(0);
  await rig.read();
  expect(plc.asks.every(({ count }) => count <= 10)).toBe(true);
  expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
});

test('a device that fails as a whole is asked as before, looked into ever more seldom, and read whole once it works', async () => {
  let isFailing = true;
  const { plc, rig } = await failingAt(() => isFailing, 30);
  let extra = 0;
  for (let turn = 0; turn < 48; turn++) {
    plc.asks.splice(0);
    expect(await rig.read()).toEqual(given(30, upTo(30)));
    if (plc.asks.some(({ count }) => count < 30)) extra += 1;
    expect(plc.asks.length).toBeLessThanOrEqual(1 + mostRequests);
  }
  // In the turns 3, 9, 21 and 45.
  expect(extra).toBe(4);
  expect(rig.driver.status()).toEqual([
    { device: 'plc', state: 'connected', trouble: 'it answers every request with exception 4 (server device failure)' },
  ]);
  isFailing = false;
  plc.asks.splice(0);
  expect(await rig.read()).toEqual(given(30));
  expect(asked(plc)).toEqual(['0+30']);
  expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: null }]);
});

test('what lasts is told by the log once, and its end', async () => {
  let isFailing = true;
  const plc = await startPlc((ask, { send }) => send(isFailing ? exception(ask, 4) : registers(ask, [5, 6])));
  onTestFinished(() => plc.close());
  const { log, lines } = listeningLog();
  const unused = {
    emit: () => {},
    declare: () => {},
    heldSinceMs: () => null,
    whenKept: () => {},
    lastKept: () => null,
    standing: () => [],
  };
  const context = { clock: createTestClock(), log, metrics: createMetrics(), ...unused };
  const driver = createModbusDriver([device({ link: tcp(plc.port), tags: words(0, 1) })], context);
  onTestFinished(() => driver.close());
  driver.start();
  const turn = () => driver.requests[0]?.read(new AbortController().signal);
  const told = () => lines.filter(({ msg }) => msg.startsWith('the device'));
  for (let turns = 0; turns < 2; turns++) await turn();
  expect(told()).toEqual([]);
  for (let turns = 0; turns < 5; turns++) await turn();
  const first = { level: 'warn', tags: 2, first: 'w0', reason: 'exception 4, server device failure' };
  expect(told()).toMatchObject([{ ...first, msg: 'the device gives no value for a request' }]);
  isFailing = false;
  await turn();
  expect(told()[1]).toMatchObject({ level: 'info', msg: 'the device answers the request again' });
});

describe('a device that answers without values', () => {
  test.each([
    [1, 'connected', 'it answers every request with exception 1 (illegal function)'],
    [8, 'connected', 'it answers every request with exception 8 (memory parity error)'],
    [10, 'troubled', 'it answers every request with exception 10 (gateway path unavailable)'],
  ])('by exception %i is %s, with its trouble told', async (code, state, trouble) => {
    const plc = await startPlc((ask, { send }) => send(exception(ask, code)));
    onTestFinished(() => plc.close());
    const rig = await startRig([device({ link: tcp(plc.port), tags: words(0, 1, 500) })]);
    await rig.read();
    expect(rig.driver.status()).toMatchObject([{ trouble: null }]);
    for (let turn = 0; turn < 2; turn++) await rig.read();
    expect(rig.driver.status()).toEqual([{ device: 'plc', state, trouble }]);
  });

  test('for a part of its tags names them', async () => {
    const plc = await startPlc((ask, { send }) => {
      if (ask.first === 500) send(exception(ask, 1));
      else if (ask.first === 900) send(registers(ask, [1]));
      else send(registers(ask, upTo(ask.count)));
    });
    onTestFinished(() => plc.close());
    const tags = words(0, 1, 500, 501, 502, 503, 504, 900, 901);
    const rig = await startRig([device({ link: tcp(plc.port), tags, timeoutMs: 100 })]);
    for (let turn = 0; turn < 3; turn++) await rig.read();
    expect(rig.driver.status()).toEqual([
      {
        device: 'plc',
        state: 'connected',
        trouble: 'it refuses 5 of its tags: w500, w501, w502 and 2 others; it answers wrongly for 2 tags: w900, w901',
      },
    ]);
  });
});
