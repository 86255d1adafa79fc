import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerTimes } from '../../../src/drivers/modbus/answer-times.ts';

const answer = (times: AnswerTimes, answersMs: Iterable<number>): void => {
  for (const ms of answersMs) times.answered(ms);
};
const rounds = (count: number, ms: number): number[] => Array(16 * count).fill(ms);

test('nothing is known before sixteen answers, unless an earlier run knew', () => {
  const times = new AnswerTimes();
  answer(times, rounds(1, 5).slice(1));
  expect(times.time).toBe(null);
  answer(times, [5]);
  expect(times.time).toEqual({ typicalMs: 5, longestMs: 5 });
  expect(new AnswerTimes({ typicalMs: 7, longestMs: 30 }).time).toEqual({ typicalMs: 7, longestMs: 30 });
});

test('some answers that are late for once do not change what is typical, and are the longest', () => {
  const times = new AnswerTimes();
  answer(times, [...rounds(1, 5).slice(7), 400, 5, 80, 5, 900, 5, 90]);
  expect(times.time).toEqual({ typicalMs: 5, longestMs: 900 });
});

test('a device that has become slower, or quicker, is known by and by; a longer answer counts at once', () => {
  const times = new AnswerTimes();
  answer(times, rounds(1, 10));
  answer(times, rounds(1, 50));
  expect(times.time).toEqual({ typicalMs: 15, longestMs: 50 });
  answer(times, rounds(40, 50));
  expect(times.time?.typicalMs).toBeGreaterThan(49);
  answer(times, rounds(40, 10));
  expect(times.time?.typicalMs).toBeLessThan(11);
  expect(times.time?.longestMs).toBeLessThan(11);
});

test('what is known lies within what was measured, and never below zero', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -5, max: 500, noNaN: true }), { minLength: 16, maxLength: 200 }),
      (answersMs) => {
        const times = new AnswerTimes();
        answer(times, answersMs);
        const { typicalMs, longestMs } = times.time ?? { typicalMs: -1, longestMs: -1 };
        expect(typicalMs).toBeGreaterThanOrEqual(Math.max(0, Math.min(...answersMs)));
        expect(longestMs).toBeGreaterThanOrEqual(typicalMs);
        expect(longestMs).toBeLessThanOrEqual(Math.max(0, ...answersMs));
      },
    ),
  );
});
