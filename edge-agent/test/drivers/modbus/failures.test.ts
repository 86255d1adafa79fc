import { setImmediate as nextTurn } from 'node:timers/promises';
import { waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type Answer,
  exception,
  type Framing,
  frameOf,
  memory,
  type Plc,
  registers,
  startPlc,
  withChecksum,
} from './plc.ts';
import { createTestClock, device, startRig, tcp, words } from './rig.ts';

async function plcWith(answer: Answer, options?: Parameters<typeof startPlc>[1]): Promise<Plc> {
  const plc = await startPlc(answer, options);
  onTestFinished(() => plc.close());
  return plc;
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const blocksAsked = (plc: Plc): string[] => plc.asks.splice(0).map(({ first, count }) => `${first}+${count}`);

describe('a tag that the device refuses', () => {
  test('costs its neighbours nothing: they are read in the same turn, then in the fewest requests around it', async () => {
    const plc = await plcWith(memory(new Set([37])));
    const rig = await startRig([device({ link: tcp(plc.port), tags: words(...upTo(100)) })]);
    const expected = Object.fromEntries(upTo(100).map((n) => [`w${n}`, n === 37 ? 'bad/address' : n]));
    expect(await rig.read()).toEqual(expected);
    expect(blocksAsked(plc).length).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(100)));
    expect(await rig.read()).toEqual(expected);
    expect(blocksAsked(plc)).toEqual(['0+37', '38+62']);
    expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: 'it refuses 1 of its tags: w37' }]);
  });

  test('is tried again at growing intervals and read with the others once it is there', async () => {
    const missing = new Set([3]);
    const plc = await plcWith(memory(missing));
    const clock = createTestClock();
    const rig = await startRig([device({ link: tcp(plc.port), tags: words(...upTo(8)) })], clock);
    await rig.read();
    clock.putForward(10_001);
    blocksAsked(plc);
    expect(await rig.read()).toMatchObject({ w3: 'bad/address', w4: 4 });
    expect(blocksAsked(plc)).toEqual(['0+3', '4+4', '3+1']);
    clock.putForward(9_000);
    await rig.read();
    expect(blocksAsked(plc)).toEqual(['0+3', '4+4']);
    missing.clear();
    clock.putForward(20_001);
    expect(await rig.read()).toMatchObject({ w3: 3 });
    blocksAsked(plc);
    await rig.read();
    expect(blocksAsked(plc)).toEqual(['0+8']);
    expect(rig.driver.status()).toMatchObject([{ state: 'connected' }]);
  });

  test('in great numbers is found over several turns, none of which takes the bus for long', async () => {
    const missing = new Set(upTo(120).filter((n) => n % 3 === 0));
    const plc = await plcWith(memory(missing));
    const clock = createTestClock();
    const rig = await startRig([device({ link: tcp(plc.port), tags: words(...upTo(120)) })], clock);
    const readUntilRight = async (blocks: number): Promise<void> => {
      const right = Object.fromEntries(upTo(120).map((n) => [`w${n}`, missing.has(n) ? 'bad/address' : n]));
      for (let turn = 0; turn < 60 && plc.asks.length !== blocks; turn++) {
        plc.asks.splice(0);
        const readings = await rig.read();
        expect(Object.keys(readings)).toHaveLength(120);
        // Its known blocks and suspects, and the extra ones of a turn.
        expect(plc.asks.length).toBeLessThanOrEqual(40 + 40 + 16);
        if (plc.asks.length === blocks) expect(readings).toEqual(right);
      }
      expect(plc.asks.splice(0)).toHaveLength(blocks);
    };
    await readUntilRight(40);
    missing.clear();
    clock.putForward(10_001);
    await readUntilRight(1);
  });
});

test('a register missing in a gap makes no tag bad: its neighbours are read apart', async () => {
  const plc = await plcWith(memory(new Set([4])));
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(0, 1, 2, 6, 7, 8) })]);
  const all = { w0: 0, w1: 1, w2: 2, w6: 6, w7: 7, w8: 8 };
  expect(await rig.read()).toEqual(all);
  blocksAsked(plc);
  expect(await rig.read()).toEqual(all);
  expect(blocksAsked(plc)).toEqual(['0+3', '6+3']);
  expect(rig.driver.status()).toMatchObject([{ state: 'connected' }]);
});

test('a device that refuses long requests gets shorter ones', async () => {
  const plc = await plcWith((ask, reply) => {
    if (ask.count > 10) reply.send(exception(ask, 3));
    else memory()(ask, reply);
  });
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(...upTo(60)) })]);
  const right = Object.fromEntries(upTo(60).map((n) => [`w${n}`, n]));
  await waitFor(async () => {
    blocksAsked(plc);
    expect(await rig.read()).toEqual(right);
    return plc.asks.length === 8 && plc.asks.every(({ count }) => count <= 10);
  });
});

describe.each(['tcp', 'rtu', 'ascii'] as const)('over a stream of %s frames', (framing) => {
  const link = ({ port }: Plc) => ({ ...tcp(port), kind: framing === 'tcp' ? 'tcp' : `${framing}-over-tcp` });

  test('a late reply is never taken for that of a later request', async () => {
    const timeoutMs = 400;
    // Every second reply is 0.4 time-outs late: just when the reply to a request sent at once after the time-out, or after a
    // short silence, would be waited for. The value says which request a reply belongs to.
    const plc = await plcWith(
      (ask, { send }) => {
        const reply = registers(ask, [plc.asks.length]);
        setTimeout(() => send(reply), timeoutMs * (plc.asks.length % 2 === 1 ? 1.4 : 0.2));
      },
      { framing },
    );
    const rig = await startRig([device({ link: link(plc), timeoutMs, tags: words(0) })]);
    const lateOnes = async () =>
      (await rig.metrics.text()).match(/modbus_late_replies_total\{.*\} ([0-9]+)/)?.[1] ?? '0';
    let answered = 0;
    while (answered < 3 || (await lateOnes()) === '0') {
      const { w0 } = await rig.read();
      // A request on its way is with the device by then.
      await nextTurn();
      if (w0 === 'bad/timeout') continue;
      // On a machine that was held up, a late reply to the open request may count: whose it is must be right.
      expect(w0).toBe(plc.asks.length);
      answered += 1;
    }
  });

  test('a reply may come in pieces of any size', async () => {
    const plc = await plcWith(
      async (ask, { frame, socket }) => {
        for (const byte of frame(registers(ask, [258, 772]))) {
          socket.write(Buffer.of(byte));
          await nextTurn();
        }
      },
      { framing },
    );
    const rig = await startRig([device({ link: link(plc), timeoutMs: 5_000, tags: words(0, 1) })]);
    expect(await rig.read()).toEqual({ w0: 258, w1: 772 });
  });

  test.each<[string, (pdu: Buffer) => Buffer, string]>([
    ['fewer registers than asked for', (pdu) => Buffer.from([3, 2, pdu[2] ?? 0, pdu[3] ?? 0]), 'bad/reply'],
    [
      'more registers than asked for',
      (pdu) => Buffer.concat([Buffer.of(3, 6), pdu.subarray(2), Buffer.of(0, 0)]),
      'bad/reply',
    ],
  ])('%s is a malformed reply, and the next one is read', async (_what, spoil, quality) => {
    const plc = await plcWith(
      (ask, { send }) => {
        const right = registers(ask, [1, 2]);
        send(plc.asks.length === 1 ? spoil(right) : right);
      },
      { framing },
    );
    const rig = await startRig([device({ link: link(plc), tags: words(0, 1) })]);
    expect(await rig.read()).toEqual({ w0: quality, w1: quality });
    await waitFor(async () => (await rig.read()).w1 === 2);
  });

  test('the reply of another unit, or to another function, is no reply', async () => {
    const plc = await plcWith(
      (ask, { frame, socket, send }) => {
        const foreign = foreignFrame(framing, frame(registers(ask, [666])), registers(ask, [666]));
        if (plc.asks.length === 1) socket.write(foreign);
        else if (plc.asks.length === 2) send(registers({ ...ask, code: 4 }, [667]));
        else send(registers(ask, [1]));
      },
      { framing },
    );
    const rig = await startRig([device({ link: link(plc), timeoutMs: 50, tags: words(0) })]);
    const seen: unknown[] = [];
    await waitFor(async () => {
      seen.push((await rig.read()).w0);
      return seen.at(-1) === 1;
    });
    expect(seen).not.toContain(666);
    expect(seen).not.toContain(667);
  });

  test('a silent unit is asked seldom, says so, and leaves the others of its link alone', async () => {
    const silent = new Set([9]);
    const plc = await plcWith(
      (ask, { send }) => {
        if (!silent.has(ask.unit)) send(registers(ask, [ask.unit]));
      },
      { framing },
    );
    const clock = createTestClock();
    const [live, dead] = [5, 9].map((unit) =>
      device({
        device: `d${unit}`,
        unit,
        link: link(plc),
        timeoutMs: 400,
        tags: [{ tag: `unit${unit}`, address: 0 }],
      }),
    );
    if (live === undefined || dead === undefined) throw new Error('two devices');
    const rig = await startRig([live, dead], clock);
    for (let turn = 0; turn < 20; turn++) {
      expect(await rig.read()).toEqual({ unit5: 5, unit9: 'bad/timeout' });
      clock.putForward(400);
    }
    // Three time-outs, then a pause of fifty times what one of them has cost.
    const askedDead = plc.asks.filter(({ unit }) => unit === 9).length;
    expect(askedDead).toBeGreaterThanOrEqual(3);
    expect(askedDead).toBeLessThanOrEqual(4);
    expect(plc.asks.filter(({ unit }) => unit === 5)).toHaveLength(20);
    expect(plc.connections()).toBe(1);
    expect(rig.driver.status()).toMatchObject([
      { device: 'd5', state: 'connected' },
      { device: 'd9', state: 'troubled', trouble: expect.stringContaining('unit 9 does not answer') },
    ]);
    silent.clear();
    clock.putForward(60_000);
    expect(await rig.read()).toEqual({ unit5: 5, unit9: 9 });
    expect(rig.driver.status()).toMatchObject([{ state: 'connected' }, { state: 'connected' }]);
  });
});

/** The same, as said by unit 9. */
function foreignFrame(framing: Framing, frame: Buffer, pdu: Buffer): Buffer {
  return frameOf(framing, framing === 'tcp' ? frame.readUInt16BE(0) : null, Buffer.concat([Buffer.of(9), pdu]));
}

test('what is no Modbus TCP frame ends the connection; a new one is made', async () => {
  const plc = await plcWith((ask, { send, socket }) => {
    if (plc.connections() === 1) socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
    else send(registers(ask, [3]));
  });
  const rig = await startRig([device({ link: tcp(plc.port), tags: words(0) })]);
  expect(await rig.read()).toEqual({ w0: 'bad/not-connected' });
  await waitFor(async () => (await rig.read()).w0 === 3);
});

test('a reply that is torn off ends at no beginning of another', async () => {
  const plc = await plcWith(async (ask, { frame, send, socket }) => {
    const reply = frame(registers(ask, [1, 1, 1, 1]));
    if (plc.connections() > 1) return send(registers(ask, [1, 1, 1, 1]));
    socket.write(reply.subarray(0, -2));
    await nextTurn();
    // Its transaction id would be the missing register.
    setTimeout(() => socket.write(Buffer.concat([Buffer.of(0, 0), reply.subarray(2)])), 20);
  });
  const tag = { tag: 'whole', address: 0, type: 'uint64' };
  const rig = await startRig([device({ link: tcp(plc.port), tags: [tag] })]);
  expect(await rig.read()).toEqual({ whole: 'bad/not-connected' });
  await waitFor(async () => (await rig.read()).whole === 0x1_0001_0001_0001n);
});

test('what other units say on an RTU line is skipped, be it an exception', async () => {
  const plc = await plcWith(
    (ask, { frame, socket }) => {
      const foreign = [Buffer.of(8, 0x83, 2), Buffer.of(8, 3, 2, 0, 9)].map(withChecksum);
      socket.write(Buffer.concat([...foreign, frame(registers(ask, [1]))]));
    },
    { framing: 'rtu' },
  );
  const rig = await startRig([device({ link: { ...tcp(plc.port), kind: 'rtu-over-tcp' }, tags: words(0) })]);
  expect(await rig.read()).toEqual({ w0: 1 });
});

test('noise on an RTU line before a reply is skipped, a wrong checksum is not believed', async () => {
  const plc = await plcWith(
    (ask, { frame, socket }) => {
      const reply = frame(registers(ask, [1, 3, 2]));
      if (plc.asks.length === 1) reply.set([0xff], 4);
      socket.write(Buffer.concat([Buffer.of(0, 1, 3, 0xff), reply]));
    },
    { framing: 'rtu' },
  );
  const rig = await startRig([
    device({ link: { ...tcp(plc.port), kind: 'rtu-over-tcp' }, timeoutMs: 40, tags: words(0, 1, 2) }),
  ]);
  expect(await rig.read()).toEqual({ w0: 'bad/reply', w1: 'bad/reply', w2: 'bad/reply' });
  await waitFor(async () => (await rig.read()).w1 === 3);
});
