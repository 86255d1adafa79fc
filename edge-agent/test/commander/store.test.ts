import { join } from 'node:path';
import type { AnswerMessage, CommandMessage } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { CommandStore } from '../../src/commander/store.ts';

const command = (id: string, expires: number): CommandMessage => ({
  ...{ v: 1, gateway: 'gw', id, device: 'plc', tag: 't', value: 1, expires },
});
const answer = (id: string): AnswerMessage => ({
  ...{ v: 1, gateway: 'gw', id, device: 'plc', tag: 't', outcome: 'written', reason: null, message: null },
  ...{ before: 0, written: 1, after: 1, at: 5, by: null, repeated: false },
});
const open = (file: string, maxRemembered = 3): CommandStore => {
  const store = CommandStore.open(file, maxRemembered);
  onTestFinished(() => store.close());
  return store;
};
const newFile = (): string => join(temporaryFolder(), 'commands', 'gw.sqlite');
const noted = (store: CommandStore, id: string, expires: number, now = 0) =>
  store.note({ command: command(id, expires), before: 0, answer: null }, expires, now);

test('what was noted is there after the next opening, with its answer or without', () => {
  const file = newFile();
  const store = CommandStore.open(file, 10);
  expect(noted(store, 'a', 10)).toBe(true);
  expect(noted(store, 'b', 10)).toBe(true);
  store.answered(answer('b'));
  store.close();
  const again = open(file);
  expect(again.find('a')).toEqual({ command: command('a', 10), before: 0, answer: null });
  expect(again.find('b')?.answer).toEqual(answer('b'));
  expect(again.find('c')).toBeNull();
  expect(again.unanswered().map(({ command: { id } }) => id)).toEqual(['a']);
  expect(again.unjournalled().map(({ command: { id } }) => id)).toEqual(['b']);
  again.journalled(['b']);
  expect(again.unjournalled()).toEqual([]);
});

test('makes room of what has expired and is in the journal, never of anything else', () => {
  const store = open(newFile());
  for (const id of ['a', 'b', 'c']) {
    noted(store, id, 10);
    store.answered(answer(id));
  }
  expect(noted(store, 'd', 100, 11)).toBe(false);
  store.journalled(['b']);
  expect(noted(store, 'd', 100, 10)).toBe(false);
  expect(noted(store, 'd', 100, 11)).toBe(true);
  expect([store.find('a'), store.find('b')].map((found) => found === null)).toEqual([false, true]);
});

test('knows after forgetting until when commands may have been forgotten', () => {
  const file = newFile();
  const store = CommandStore.open(file, 1);
  expect(store.mayBeForgotten(10)).toBe(false);
  noted(store, 'a', 10);
  store.journalled(['a']);
  noted(store, 'b', 100, 50);
  store.close();
  const again = open(file);
  expect(again.mayBeForgotten(10)).toBe(true);
  expect(again.mayBeForgotten(11)).toBe(false);
});
