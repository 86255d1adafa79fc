/** A real line on which one reply in ten is damaged, of one unit of two. */

import { createReadStream, openSync, writeSync } from 'node:fs';
import { describeWith } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Answer, converse, type Framing, registers, startPlc } from './plc.ts';
import { device, startRig, tcp } from './rig.ts';
import { pair, startLine } from './serial-line.ts';

const turns = 200;
const damagedShare = 0.1;
const timeoutMs = 1_000;
const noisy = 1;

/** Numbers from 0 to 1, the same at each run (Park and Miller). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** The value says which request of the unit it answers. `damaged`: how many have been. */
function createNoise() {
  const random = createRandom(11);
  const numbers = new Map<number, number>();
  const noise = { damaged: 0, numbers, answer: answer as Answer };
  function answer(...[ask, { frame, socket }]: Parameters<Answer>): void {
    const number = (numbers.get(ask.unit) ?? 0) + 1;
    numbers.set(ask.unit, number);
    const bytes = frame(registers(ask, [number]));
    // The first of a connection may be: the others show what it costs.
    if (ask.unit === noisy && number > 1 && random() < damagedShare) {
      noise.damaged += 1;
      const at = Math.floor(random() * bytes.length);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
    }
    socket.write(bytes);
  }
  return noise;
}

type Noise = ReturnType<typeof createNoise>;

async function nothingIsLost(link: object, noise: Noise): Promise<void> {
  const units = [noisy, 2].map((unit) =>
    device({ device: `d${unit}`, unit, link, timeoutMs, tags: [{ tag: `unit${unit}`, address: 0 }] }),
  );
  const rig = await startRig(units);
  const startMs = performance.now();
  let good = 0;
  for (let turn = 1; turn <= turns; turn++) {
    const { unit1, unit2 } = await rig.read();
    expect(unit2, 'the neighbour has an answer in each turn').toBe(turn);
    if (unit1 !== 'bad/reply') {
      expect(unit1, 'a value is that of the last request').toBe(noise.numbers.get(noisy));
      good += 1;
    }
  }
  expect(noise.damaged).toBeGreaterThan(10);
  expect(good).toBeGreaterThanOrEqual(0.95 * turns);
  // Not one time-out: each damaged reply costs the silence after it, or the gap where its head or length cannot be told.
  expect((performance.now() - startMs) / noise.damaged).toBeLessThan(timeoutMs);
  expect(await rig.metrics.text()).not.toMatch(/errors_total\{.*kind="timeout"/);
}

describe.each(['rtu', 'ascii'] as const)('%s over TCP', (framing: Framing) => {
  test('95 of 100 readings are good, the neighbour has all of its own', async () => {
    const noise = createNoise();
    const plc = await startPlc(noise.answer, { framing });
    onTestFinished(() => plc.close());
    await nothingIsLost({ ...tcp(plc.port), kind: `${framing}-over-tcp` }, noise);
  });
});

describeWith(pair, 'RTU on a serial line', () => {
  test('95 of 100 readings are good, the neighbour has all of its own', async () => {
    const { ours, theirs } = await startLine();
    const noise = createNoise();
    const line = openSync(theirs, 'r+');
    const hear = converse('rtu', [], noise.answer, { write: (bytes) => writeSync(line, bytes), destroy: () => {} });
    const stream = createReadStream('', { fd: line, highWaterMark: 64 }).on('error', () => {});
    stream.on('data', (bytes) => hear(Buffer.from(bytes)));
    await nothingIsLost({ kind: 'rtu', path: ours, baudRate: 115_200, parity: 'none' }, noise);
  });
});
