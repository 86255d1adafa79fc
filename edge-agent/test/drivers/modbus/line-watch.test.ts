/** Minutes of a serial line in a moment, as `model-bus.ts` has it: its devices are read by the plan, and planned again. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { qualityName, type Sample } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { modelLine, useModelClock } from './model-bus.ts';
import { readModelLine } from './model-line.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const minuteMs = 60_000;
const everyMs = 1_000;
/** Two registers with so many between them. */
const pair = (gap: number) => ({
  device: 'meter',
  unit: 1,
  link: modelLine,
  everyMs,
  timeoutMs: 500,
  maxGap: 60,
  tags: [
    { tag: 'a', address: 0 },
    { tag: 'b', address: 1 + gap },
  ],
});

/** The longest time between two samples of a tag. */
function longestMs(samples: readonly Sample[], tag: string): number {
  const times = samples.filter((sample) => sample.tag.tag === tag).map(({ time }) => time);
  return Math.max(...times.slice(1).map((time, n) => time - (times[n] ?? 0))) / 1_000;
}

describe('a serial line', () => {
  test('is planned again by what its units take to answer, without a gap in what is read', async () => {
    // With answers after 10 ms a gap of 20 registers is dearer than another request; with 60 ms it is not.
    const { asked, samples, text } = await readModelLine([pair(20)], { thinkMsOf: () => 60 }, 3 * minuteMs);
    const counts = (fromMs: number, untilMs: number): number[] =>
      asked.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs).map(({ count }) => count);
    expect(new Set(counts(0, minuteMs - 1_000))).toEqual(new Set([1]));
    const after = counts(minuteMs + 2_000, 3 * minuteMs);
    expect(new Set(after)).toEqual(new Set([22]));
    expect(after.length).toBeGreaterThanOrEqual(117);
    for (const tag of ['a', 'b']) {
      expect(longestMs(samples, tag)).toBeLessThanOrEqual(1.5 * everyMs);
      expect(new Set(samples.filter((sample) => sample.tag.tag === tag).map(({ value }) => value)).size).toBe(1);
    }
    expect(text).toMatch(/fieldline_modbus_answer_seconds\{link="\/dev\/model",unit="1"\} 0\.05[56]/);
    expect(text).toMatch(/fieldline_modbus_load_ratio\{link="\/dev\/model"\} 0\.1[23]/);
  });

  test('keeps its plan where another would save next to nothing', async () => {
    const { asked } = await readModelLine([pair(15)], { thinkMsOf: () => 16.5 }, 3 * minuteMs);
    expect(new Set(asked.map(({ count }) => count))).toEqual(new Set([1]));
  });

  test('does not ask again for what was refused before', async () => {
    const tags = [0, 1, 2, 23, 24].map((address) => ({ tag: `w${address}`, address }));
    const faults = { thinkMsOf: () => 60, missing: new Set([1]) };
    const { asked, samples } = await readModelLine([{ ...pair(0), tags }], faults, 4 * minuteMs);
    const late = asked.filter(({ atMs }) => atMs > minuteMs + 2_000);
    expect(
      late.some(({ first, count }) => first === 2 && count === 23),
      'it was planned again',
    ).toBe(true);
    // Each probe for the register that is missing is one request; they come after 10, 20, 40 … s.
    const refused = late.filter(({ first, count }) => first <= 1 && first + count > 1);
    expect(refused.length).toBeLessThanOrEqual(3);
    const last = new Map(samples.map(({ tag, quality }) => [tag.tag, qualityName(quality)]));
    expect(Object.fromEntries(last)).toEqual({ w0: 'good', w1: 'bad/address', w2: 'good', w23: 'good', w24: 'good' });
  });

  test('that is asked for more than it can carry is told once, with how much and what to do', async () => {
    const busy = [1, 2, 3].map((unit) => ({ ...pair(60), device: `meter-${unit}`, unit, everyMs: 200 }));
    const { warn, overload, note, text } = await readModelLine(busy, { thinkMsOf: () => 25 }, 5 * minuteMs);
    const told = warn.mock.calls.filter(([, message]) => String(message).includes('cannot be read that often'));
    expect(told).toHaveLength(1);
    expect(told[0]?.[1]).toMatch(
      /^\/dev\/model is asked for \d+ % of its time \(answers after \d+ ms\), so .*raise everyMs/,
    );
    expect(overload).toMatch(/is asked for 1\d\d % of its time \(answers after 21 ms\)/);
    expect(note).toMatch(/^\/dev\/model is asked for 1\d\d % of its time \(answers after 21 ms\)$/);
    const busySeconds = Number(text.match(/fieldline_modbus_busy_seconds_total\{link="\/dev\/model"\} (\S+)/)?.[1]);
    expect(busySeconds / 300).toBeGreaterThan(0.9);
    expect(busySeconds / 300).toBeLessThanOrEqual(1.01);
  });

  test('that was told to be asked for too much is told again where it is so anew', async () => {
    const busy = [1, 2, 3].map((unit) => ({ ...pair(60), device: `meter-${unit}`, unit, everyMs: 200 }));
    const thinkMsOf = (_unit: number, atMs: number): number => (atMs < 2 * minuteMs || atMs > 6 * minuteMs ? 25 : 1);
    const toldUntil = async (ms: number) => {
      const { warn, overload } = await readModelLine(busy, { thinkMsOf }, ms);
      useModelClock();
      const told = warn.mock.calls.filter(([, message]) => String(message).includes('cannot be read that often'));
      return { times: told.length, overload };
    };
    expect(await toldUntil(6 * minuteMs)).toEqual({ times: 1, overload: null });
    expect(await toldUntil(10 * minuteMs)).toEqual({ times: 2, overload: expect.stringContaining('is asked for 1') });
  });

  test('is planned at the next start by what was learned in this one', async () => {
    const file = join(temporaryFolder(), 'learned', 'g.json');
    await readModelLine([pair(20)], { thinkMsOf: () => 60 }, 2 * minuteMs, file);
    // The silence of 4 ms that ends the request is none of it.
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      v: 1,
      answers: [{ link: '/dev/model', unit: 1, answerMs: expect.closeTo(56, 0) }],
    });
    useModelClock();
    const { asked } = await readModelLine([pair(20)], { thinkMsOf: () => 60 }, 10_000, file);
    expect(new Set(asked.map(({ count }) => count))).toEqual(new Set([22]));
  });

  test('is read all the same where nothing can be kept, and that is told once', async () => {
    const file = join(temporaryFolder(), 'g.json');
    mkdirSync(`${file}.new`);
    const { warn, samples } = await readModelLine([pair(20)], { thinkMsOf: () => 60 }, 4 * minuteMs, file);
    expect(samples.length).toBeGreaterThan(450);
    expect(warn.mock.calls.filter(([, message]) => String(message).includes('cannot be kept'))).toHaveLength(1);
  });
});
