import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Declaration } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { declareForgotten, type GapNote, openGapNotes } from '../../../src/drivers/opcua/history/gap-notes.ts';

const note = (from: number, more: Partial<GapNote> = {}): GapNote => ({
  device: 'd',
  tags: ['a'],
  from,
  to: from + 10,
  oursFrom: from,
  isLost: false,
  ...more,
});
const newFile = (): string => join(temporaryFolder(), 'gaps', 'gw.jsonl');
const open = (file: string) => openGapNotes(file, silentLog);

test('what is noted is there at the next start, as it was said last, under numbers that are not used again', () => {
  const file = newFile();
  const notes = open(file);
  const [first, second] = [notes.next(), notes.next()];
  notes.write(new Map([[first, note(1)]]));
  notes.write(
    new Map([
      [first, null],
      [second, note(2)],
    ]),
  );
  notes.write(new Map([[second, note(3)]]));
  const again = open(file);
  expect([...again.all()]).toEqual([[second, note(3)]]);
  expect(again.next()).toBeGreaterThan(second);
});

test('the file is empty when nothing is noted, and a line that was cut off never was', () => {
  const file = newFile();
  const notes = open(file);
  notes.write(new Map([[notes.next(), note(1)]]));
  appendFileSync(file, '{"id":2,"note":{"device":"d","ta');
  const again = open(file);
  expect([...again.all().values()]).toEqual([note(1)]);
  again.write(new Map([[again.next(), note(4)]]));
  const last = open(file);
  expect([...last.all().values()]).toEqual([note(1), note(4)]);
  last.write(new Map([...last.all().keys()].map((id) => [id, null])));
  expect(statSync(file).size).toBe(0);
});

test('a file that says the same over and over is written anew', () => {
  const file = newFile();
  const notes = open(file);
  const id = notes.next();
  for (let round = 0; round < 12; round++)
    notes.write(new Map(Array.from({ length: 1_000 }, (_, n) => [id + n, round < 11 && n > 0 ? null : note(n)])));
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(10_000);
  expect([...open(file).all().values()]).toEqual(Array.from({ length: 1_000 }, (_, n) => note(n)));
});

test('what cannot be written is told, and written as soon as it can', () => {
  const file = newFile();
  mkdirSync(join(dirname(file), 'gw.jsonl'), { recursive: true });
  const notes = open(file);
  expect(notes.trouble()).toContain('EISDIR');
  const elsewhere = newFile();
  const other = open(elsewhere);
  mkdirSync(`${elsewhere}.new`, { recursive: true });
  appendFileSync(elsewhere, 'not a note\n');
  const blocked = open(elsewhere);
  blocked.write(new Map([[blocked.next(), note(1)]]));
  expect(blocked.trouble()).toContain('a kill now would hide them');
  expect(other.trouble()).toBeNull();
});

test('what is noted of a device that the settings have no more is declared', () => {
  const file = newFile();
  const notes = open(file);
  const left = [note(5, { tags: ['a', 'b'], oursFrom: 7 }), note(1, { to: null }), note(2, { device: 'kept' })];
  notes.write(new Map(left.map((each) => [notes.next(), each])));
  const declared: Declaration[] = [];
  const then: (() => void)[] = [];
  const clock = { now: () => 100, monotonicMs: () => 0 };
  const context = {
    clock,
    declare: (each: Declaration) => declared.push(each),
    whenKept: (call: () => void) => then.push(call),
  };
  declareForgotten(notes, new Set(['kept']), context);
  expect(declared.map((each) => (each.kind === 'series' ? [each.tag, each.from, each.to] : []))).toEqual([
    ['a', 7, 15],
    ['b', 7, 15],
    ['a', 1, 100],
  ]);
  expect(open(file).all().size).toBe(3);
  for (const call of then) call();
  expect([...open(file).all().values()]).toEqual([note(2, { device: 'kept' })]);
});
