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
  expect(times.typicalMs).toBe(null);
  answer(times, [5]);
  expect(times.typicalMs).toBe(5);
  expect(new AnswerTimes(7).typicalMs).toBe(7);
});

test('some answers that are late for once change nothing', () => {
  const times = new AnswerTimes();
  answer(times, [...rounds(1, 5).slice(7), 400, 5, 80, 5, 900, 5, 90]);
  expect(times.typicalMs).toBe(5);
});

test('a device that has become slower, or quicker, is known by and by', () => {
  const times = new AnswerTimes();
  answer(times, rounds(1, 10));
  answer(times, rounds(1, 50));
  expect(times.typicalMs).toBe(15);
  answer(times, rounds(40, 50));
  expect(times.typicalMs).toBeGreaterThan(49);
  answer(times, rounds(40, 10));
  expect(times.typicalMs).toBeLessThan(11);
});

test('what is known lies within what was measured, and never below zero', () => {
  const answers = fc.array(fc.double({ min: -5, max: 500, noNaN: true }), { minLength: 16, maxLength: 200 });
  fc.assert(
    fc.property(answers, (answersMs) => {
      const times = new AnswerTimes();
      answer(times, answersMs);
      expect(times.typicalMs).toBeGreaterThanOrEqual(Math.max(0, Math.min(...answersMs)));
      expect(times.typicalMs).toBeLessThanOrEqual(Math.max(0, ...answersMs));
    }),
  );
});
