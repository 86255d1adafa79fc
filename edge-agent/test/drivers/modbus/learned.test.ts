import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { Learned } from '../../../src/drivers/modbus/learned.ts';

const unit = { link: '/dev/ttyS9', unit: 3, answerMs: 20 };
const newFile = (): string => join(temporaryFolder(), 'learned', 'g.json');

test('what is kept is there for the next start, in a folder that is made', async () => {
  const file = newFile();
  await new Learned().keep(file, [unit, { ...unit, unit: 4, answerMs: 7.25 }]);
  const read = Learned.read(file);
  expect(read.answerMsOf('/dev/ttyS9', 3)).toBe(20);
  expect(read.answerMsOf('/dev/ttyS9', 4)).toBe(7.25);
  expect(read.answerMsOf('/dev/ttyS8', 3)).toBe(null);
  expect(readdirSync(dirname(file)), 'nothing half written is left').toEqual(['g.json']);
});

test('where there is no file nothing is known; one that is none is told', () => {
  const file = newFile();
  expect(Learned.read(file).answerMsOf('/dev/ttyS9', 3)).toBe(null);
  mkdirSync(dirname(file));
  for (const text of [
    '',
    '{"v":1,',
    '{"v":2,"answers":[]}',
    '{"v":1,"answers":[{"link":"a","unit":1,"answerMs":-1}]}',
  ]) {
    writeFileSync(file, text);
    expect(() => Learned.read(file), text).toThrow();
  }
});

test('only what differs by a tenth, and by a millisecond, is news', () => {
  const learned = new Learned([unit]);
  expect(learned.isNews([unit])).toBe(false);
  expect(learned.isNews([{ ...unit, answerMs: 21.9 }])).toBe(false);
  expect(learned.isNews([{ ...unit, answerMs: 22.5 }])).toBe(true);
  expect(learned.isNews([{ ...unit, unit: 4 }])).toBe(true);
  expect(new Learned([{ ...unit, answerMs: 1 }]).isNews([{ ...unit, answerMs: 1.9 }])).toBe(false);
});
