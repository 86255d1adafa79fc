/** What was learned of a device that refuses some of its addresses, over a restart of the driver: counted on the wire. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeWith, freePort, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pymodbus, startPymodbus } from './peers/pymodbus.ts';
import { exception, memory, type Plc, startPlc } from './plc.ts';
import { createTestClock, device, startRig, tcp, words } from './rig.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const newFile = (): string => join(temporaryFolder(), 'learned', 'g.json');
const asked = ({ asks }: Plc): string[] => asks.splice(0).map(({ first, count }) => `${first}+${count}`);

async function plcWithout(missing: ReadonlySet<number>): Promise<Plc> {
  const plc = await startPlc(memory(missing));
  onTestFinished(() => plc.close());
  return plc;
}

const start = (file: string, settings: object, clock = createTestClock()) =>
  startRig([device({ tags: words(...upTo(100)), ...settings })], clock, undefined, undefined, file);

/** Reads until all is learned, and ends in order. */
async function learn(file: string, settings: object, clock = createTestClock()): Promise<void> {
  const rig = await start(file, settings, clock);
  for (let turn = 0; turn < 10; turn++) await rig.read();
  await rig.driver.close();
}

describe('addresses that a device refuses', () => {
  test('are left alone from the first request after a restart on, and bad with the reason at once', async () => {
    const plc = await plcWithout(new Set([37, 70]));
    const file = newFile();
    await learn(file, { link: tcp(plc.port) });
    asked(plc);
    const rig = await start(file, { link: tcp(plc.port) });
    expect(rig.driver.status()).toMatchObject([{ state: 'connected', trouble: 'it refuses 2 of its tags: w37, w70' }]);
    const readings = await rig.read();
    expect(readings).toEqual(
      Object.fromEntries(upTo(100).map((n) => [`w${n}`, [37, 70].includes(n) ? 'bad/address' : n])),
    );
    expect(asked(plc)).toEqual(['0+37', '38+32', '71+29']);
    expect(await rig.metrics.text()).not.toContain('kind="exception"');
  });

  test('are looked for by the schedule that goes on, and found where the device was mended meanwhile', async () => {
    const missing = new Set([3]);
    const plc = await plcWithout(missing);
    const file = newFile();
    const clock = createTestClock();
    const settings = { link: tcp(plc.port), tags: words(...upTo(8)) };
    const first = await start(file, settings, clock);
    await first.read();
    for (const pauseMs of [10_000, 20_000, 40_000]) {
      clock.putForward(pauseMs);
      await first.read();
    }
    await first.driver.close();
    // The pause after the third look is 40 to 80 s.
    expect(JSON.parse(readFileSync(file, 'utf8')).refusals).toMatchObject([{ refused: [{ first: 3, looks: 3 }] }]);
    asked(plc);

    const second = await start(file, settings, clock);
    clock.putForward(30_000);
    await second.read();
    expect(asked(plc)).toEqual(['0+3', '4+4']);
    clock.putForward(50_000);
    await second.read();
    expect(asked(plc)).toEqual(['0+3', '4+4', '3+1']);
    clock.putForward(70_000);
    await second.read();
    expect(asked(plc)).toEqual(['0+3', '4+4']);
    await second.driver.close();

    missing.clear();
    clock.putForward(24 * 3_600_000);
    const third = await start(file, settings, clock);
    expect(await third.read()).toMatchObject({ w3: 'bad/address', w4: 4 });
    expect(asked(plc)).toEqual(['0+3', '4+4']);
    clock.putForward(10_000);
    expect(await third.read()).toMatchObject({ w3: 3 });
    asked(plc);
    await third.read();
    expect(asked(plc)).toEqual(['0+8']);
    await third.driver.close();
    expect(JSON.parse(readFileSync(file, 'utf8')).refusals).toEqual([]);
  });

  test('that only stand in a gap, or are too many for one request, cost no exception after a restart either', async () => {
    const gaps = await plcWithout(new Set([4]));
    const short = await startPlc((ask, reply) =>
      ask.count > 10 ? reply.send(exception(ask, 3)) : memory()(ask, reply),
    );
    onTestFinished(() => short.close());
    const file = newFile();
    for (const [plc, tags, requests] of [
      [gaps, words(0, 1, 2, 6, 7, 8), 2],
      [short, words(...upTo(60)), 8],
    ] as const) {
      await learn(file, { link: tcp(plc.port), tags });
      asked(plc);
      const rig = await start(file, { link: tcp(plc.port), tags });
      expect(Object.values(await rig.read())).toEqual(tags.map(({ address }) => address));
      expect(asked(plc)).toHaveLength(requests);
    }
  });

  test('are learned again by another map, of another device, and where the file is broken or of another version', async () => {
    const plc = await plcWithout(new Set([37]));
    const other = await plcWithout(new Set());
    const file = newFile();
    await learn(file, { link: tcp(plc.port) });
    const text = readFileSync(file, 'utf8');

    const elsewhere = await start(file, { link: tcp(other.port) });
    expect(await elsewhere.read()).toMatchObject({ w37: 37 });
    expect(asked(other)).toEqual(['0+100']);
    await elsewhere.driver.close();

    for (const spoilt of [text, text.replace('"v": 1', '"v": 2'), text.slice(0, 40), '']) {
      writeFileSync(file, spoilt);
      const tags = words(...upTo(spoilt === text ? 101 : 100));
      asked(plc);
      const rig = await start(file, { link: tcp(plc.port), tags });
      expect(await rig.read()).toMatchObject({ w36: 36, w37: 'bad/address', w38: 38 });
      expect(asked(plc)[0]).toBe(`0+${tags.length}`);
      await rig.driver.close();
      expect(JSON.parse(readFileSync(file, 'utf8')).refusals).toHaveLength(1);
    }
  });

  test('are not connected while the device is away, though none of them is asked for', async () => {
    const plc = await plcWithout(new Set([0, 1]));
    const file = newFile();
    const settings = { link: tcp(plc.port), tags: words(0, 1) };
    await learn(file, settings);
    const rig = await start(file, settings);
    expect(await rig.read()).toEqual({ w0: 'bad/address', w1: 'bad/address' });
    await plc.close();
    await waitFor(() => !rig.isConnected(), { what: 'the loss of the device' });
    expect(await rig.read()).toEqual({ w0: 'bad/not-connected', w1: 'bad/not-connected' });
  });

  test('of an exchange are asked for all the same: it is one request, which writes', async () => {
    const plc = await plcWithout(new Set([37]));
    const file = newFile();
    const settings = {
      ...{ link: tcp(plc.port), pollsMayWrite: true, maxGap: 0 },
      exchanges: [{ exchange: 'page', address: 2_048, words: [1] }],
      tags: [...words(36, 37, 38), { tag: 'x', address: 37, exchange: 'page' }],
    };
    await learn(file, settings);
    asked(plc);
    const rig = await start(file, settings);
    const samples = await rig.samples();
    expect(samples.map(({ tag }) => tag.tag).toSorted()).toEqual(['w36', 'w37', 'w38', 'x']);
    expect(asked(plc).toSorted()).toEqual(['36+1', '37+1', '38+1']);
  });

  test('are each counted where a device has more of them than are kept', async () => {
    const plc = await startPlc((ask, { send }) => send(exception(ask, 2)));
    onTestFinished(() => plc.close());
    const file = newFile();
    // Far apart: each is a request of its own, and refused alone.
    const tags = words(...upTo(1_005).map((n) => n * 20));
    const rig = await start(file, { link: tcp(plc.port), tags });
    await rig.read();
    await rig.driver.close();
    expect(await rig.metrics.text()).toContain('fieldline_modbus_learned_left_out_total{device="plc"} 5\n');
    expect(JSON.parse(readFileSync(file, 'utf8')).refusals[0].refused).toHaveLength(1_000);
  });

  test('are found again where nothing can be kept', async () => {
    const plc = await plcWithout(new Set([37]));
    const file = newFile();
    mkdirSync(join(dirname(file), 'g.json.new'), { recursive: true });
    await learn(file, { link: tcp(plc.port) });
    expect(existsSync(file)).toBe(false);
    const rig = await start(file, { link: tcp(plc.port) });
    expect(await rig.read()).toMatchObject({ w36: 36, w37: 'bad/address', w38: 38 });
  });
});

describeWith(pymodbus, 'addresses that a server of pymodbus refuses', () => {
  test('are left alone from the first request after a restart on', async () => {
    const port = await freePort();
    const requests = join(temporaryFolder(), 'requests');
    const missing = [0, 37, 38, 99];
    await startPymodbus({ comm: 'tcp', framer: 'socket', port, missing, requests });
    const came = (): string[] => readFileSync(requests, 'utf8').trimEnd().split('\n');
    const file = newFile();
    const settings = { link: tcp(port), unit: 5 };
    await learn(file, settings);
    const before = came().length;
    const rig = await start(file, settings);
    const right = Object.fromEntries(upTo(100).map((n) => [`w${n}`, missing.includes(n) ? 'bad/address' : 1_000 + n]));
    expect(await rig.read()).toEqual(right);
    expect(came().slice(before)).toEqual(['1+36', '39+60']);
    expect(await rig.metrics.text()).not.toContain('kind="exception"');
  });
});
