import { expect, test } from 'vitest';
import { Hearing } from '../../../src/backbone/kafka/hearing.ts';

test('who is answered now and then hears no silence, whatever failed in between', () => {
  const hearing = new Hearing(1_000, 0);
  hearing.answered(600);
  hearing.failed('connect ECONNREFUSED');
  expect(hearing.silence(1_500)).toBeNull();
  hearing.answered(1_500);
  expect(hearing.silence(2_500)).toBeNull();
});

test('without an answer there is a silence, from the last answer on, with the newest reason, until the next answer', () => {
  const hearing = new Hearing(1_000, 0);
  hearing.answered(500);
  hearing.failed('connect ECONNREFUSED');
  hearing.failed('connect ETIMEDOUT');
  expect(hearing.silence(1_600)).toEqual({ forMs: 1_100, reason: 'connect ETIMEDOUT' });
  hearing.answered(1_700);
  expect(hearing.silence(1_700)).toBeNull();
});

test('a member that cannot get back into its group hears a silence though the ends of the log are told', () => {
  const hearing = new Hearing(1_000, 0);
  hearing.interrupted('the group is refused', 100);
  hearing.answered(1_000);
  hearing.interrupted('the group is still refused', 1_000);
  expect(hearing.silence(1_050)).toBeNull();
  expect(hearing.silence(1_200)).toEqual({ forMs: 1_100, reason: 'the group is still refused' });
  hearing.joined();
  expect(hearing.silence(1_200)).toBeNull();
});
