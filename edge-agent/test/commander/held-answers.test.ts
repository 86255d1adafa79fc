import { type AnswerMessage, commandVersion } from '@fieldline/shared/contracts';
import { expect, test } from 'vitest';
import { HeldAnswers, maxHeld } from '../../src/commander/held-answers.ts';

const answer: AnswerMessage = {
  ...{ v: commandVersion, gateway: 'gw', id: 'c', device: 'plc', tag: 't', outcome: 'refused', reason: 'too-often' },
  ...{ message: null, before: null, written: null, after: null, at: 1, by: null, repeated: false },
};

test('none makes room for another before its command has expired', () => {
  const held = new HeldAnswers();
  for (let n = 0; n < maxHeld; n++) expect(held.hold(`n${n}`, answer, 100 + (n % 2), 50)).toBe(true);
  expect(held.hold('more', answer, 200, 100)).toBe(false);
  expect(held.hold('n1', answer, 200, 100)).toBe(true);
  expect(held.find('more')).toBeNull();
  expect(held.hold('later', answer, 200, 101)).toBe(true);
  expect([held.find('n0'), held.find('n3'), held.find('later')]).toEqual([null, answer, answer]);
});
