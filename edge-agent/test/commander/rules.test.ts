import { type CallInput, commandsSchema, writeObject } from '@fieldline/shared/config';
import { opcuaWriteObject } from '@fieldline/shared/config/opcua-write';
import type { CommandMessage, Tag } from '@fieldline/shared/contracts';
import { expect, test } from 'vitest';
import { Pace } from '../../src/commander/pace.ts';
import { expectationProblem, headProblem, inputsOf, wantedOf } from '../../src/commander/rules.ts';

const settings = commandsSchema.parse({ enabled: true, longestMs: 1_000 });
const now = 1_790_000_000_000_000;
const command: CommandMessage = {
  ...{ v: 1, gateway: 'gw', id: 'c', device: 'plc', tag: 't', value: 1, expires: now + 500_000 },
};
const tag = (type: Tag['type']): Tag => ({ device: 'plc', tag: 't', type });
const head = (changes: Partial<CommandMessage>, isClockSet = true, isRetained = false) =>
  headProblem({ ...command, ...changes }, { now, isClockSet }, isRetained, settings)?.reason ?? null;

test('a command is for now: not of the past, not of a far future, not by a clock that is not set, not retained', () => {
  expect(head({})).toBeNull();
  expect(head({ expires: now - 1 })).toBe('expired');
  expect(head({ expires: now + 1_000_001 })).toBe('expires-too-late');
  expect(head({}, false)).toBe('clock-not-set');
  expect(head({}, true, true)).toBe('retained');
});

test('a list is JSON in a text, with each of its values within what is allowed, and becomes the text that is read back', () => {
  const rules = opcuaWriteObject.parse({ each: { type: 'int64', min: 0, max: '9223372036854775807' }, length: 2 });
  const judge = (value: CommandMessage['value'], expected?: string) => {
    const wanted = wantedOf(
      { ...command, value, ...(expected === undefined ? {} : { expected }) },
      tag('string'),
      rules,
    );
    return 'reason' in wanted ? [wanted.reason, wanted.message] : [wanted.value, wanted.expected];
  };
  expect(judge('[1, "9007199254740993"]', '[ 1, "2" ]')).toEqual(['[1,"9007199254740993"]', '[1,2]']);
  expect(judge('[1,-1]')).toEqual(['out-of-range', '[1]: at least 0 may be written']);
  expect(judge('[1]')).toEqual(['out-of-range', '1 values; it takes 2']);
  for (const wrong of ['1', '[1,', '[1,0.5]', '[[1],[2]]', 7]) expect(judge(wrong)[0], String(wrong)).toBe('type');
  expect(judge('[1,2]', '1')).toEqual(['type', expect.stringContaining('expected is none; the tag takes a list')]);
});

test('a value is of the type of its tag and within what is allowed', () => {
  const rules = writeObject.parse({ min: 0, max: 10 });
  const judge = (value: CommandMessage['value'], type: Tag['type'] = 'int64', allowed = rules) => {
    const wanted = wantedOf({ ...command, value }, tag(type), allowed);
    return 'reason' in wanted ? wanted.reason : wanted.value;
  };
  expect(judge(10)).toBe(10n);
  expect(judge('10')).toBe(10n);
  expect(judge(11)).toBe('out-of-range');
  expect(judge('18446744073709551616')).toBe('out-of-range');
  expect(judge(2 ** 53)).toBe('type');
  expect(judge(70_000, 'uint16')).toBe('out-of-range');
  expect(judge(-1, 'float64')).toBe('out-of-range');
  expect(judge(true, 'float64')).toBe('type');
  const few = writeObject.parse({ oneOf: ['auto', 'hand'] });
  expect(judge('auto', 'string', few)).toBe('auto');
  expect(judge('off', 'string', few)).toBe('out-of-range');
  expect(judge(0.1, 'float32', writeObject.parse({ oneOf: [0.1] }))).toBe(Math.fround(0.1));
});

test('a value of another type is told in words for what the tag takes', () => {
  const rules = writeObject.parse({ min: 0, max: 10 });
  expect(wantedOf({ ...command, value: '20' }, tag('float64'), rules)).toMatchObject({
    message: 'value "20" is a text; the tag takes a number',
  });
  expect(wantedOf({ ...command, value: true }, tag('int64'), rules)).toMatchObject({
    message: 'value true is true or false; the tag takes a whole number of int64, from 2^53 on as a text of digits',
  });
  expect(wantedOf({ ...command, expected: 1 }, tag('bool'), rules)).toMatchObject({
    message: 'value 1 is a number; the tag takes true or false',
  });
});

test('a whole number that its type cannot hold is told to be too large or too small, not to be of another type', () => {
  const judge = (value: CommandMessage['value'], type: Tag['type']) =>
    wantedOf({ ...command, value }, tag(type), writeObject.parse({ min: 0, max: 10 }));
  expect(judge('18446744073709551616', 'uint64')).toEqual({
    reason: 'out-of-range',
    message: 'value "18446744073709551616" is too large for uint64, whose largest is 18446744073709551615',
  });
  expect(judge(-1, 'uint64')).toMatchObject({ message: 'value -1 is too small for uint64, whose smallest is 0' });
  expect(judge(`9${'0'.repeat(40)}`, 'int64')).toMatchObject({ reason: 'out-of-range' });
  expect(judge(-129, 'int8')).toMatchObject({ message: 'value -129 is too small for int8, whose smallest is -128' });
  expect(judge('5', 'int8')).toMatchObject({ reason: 'type' });
});

test('limits of 64-bit integers hold to the last digit', () => {
  const rules = writeObject.parse({ min: 0, max: '18446744073709551614' });
  const few = writeObject.parse({ oneOf: [0, '9007199254740993'] });
  const judge = (value: CommandMessage['value'], allowed = rules) => {
    const wanted = wantedOf({ ...command, value }, tag('uint64'), allowed);
    return 'reason' in wanted ? wanted.message : wanted.value;
  };
  expect(judge('18446744073709551614')).toBe(18_446_744_073_709_551_614n);
  expect(judge('18446744073709551615')).toBe('at most 18446744073709551614 may be written');
  expect(judge('9007199254740993', few)).toBe(9_007_199_254_740_993n);
  expect(judge('9007199254740992', few)).toBe('only 0, 9007199254740993 may be written');
});

test('a method is given all its inputs and no others, each of its type and within its limits, in its order', () => {
  const inputs: CallInput[] = [
    { name: 'amount', type: 'uint16', min: 0, max: 100 },
    { name: 'note', type: 'string' },
  ];
  const judge = (value: CommandMessage['value'], changes: Partial<CommandMessage> = {}) => {
    const given = inputsOf({ ...command, value, ...changes }, inputs);
    return 'reason' in given ? `${given.reason}: ${given.message}` : given;
  };
  expect(judge({ note: 'n', amount: 5 })).toEqual([5, 'n']);
  expect(judge({ note: 'n' })).toBe('type: amount is missing; the method takes amount, note');
  expect(judge({ note: 'n', amount: 5, more: 1 })).toBe('type: more is no input; the method takes amount, note');
  expect(judge({ note: 'n', amount: 5.5 })).toBe(
    'type: amount 5.5 is a number; the input takes a whole number of uint16',
  );
  expect(judge({ note: 'n', amount: 101 })).toBe('out-of-range: amount: at most 100 may be written');
  expect(judge(5)).toBe('type: inputs are stated by name, as {"name": value}; the method takes amount, note');
  expect(judge({ note: 'n', amount: 5 }, { expected: 1 })).toBe('type: a method holds no value: leave out expected');
  expect(inputsOf({ ...command, value: {} }, [])).toEqual([]);
  expect(wantedOf({ ...command, value: {} }, tag('bool'), writeObject.parse({}))).toMatchObject({ reason: 'type' });
});

test('an expectation is met by the same number, even where its last digits were computed', () => {
  expect(expectationProblem(null, 5)).toBeNull();
  expect(expectationProblem(0.3, 3 * 0.1)).toBeNull();
  expect(expectationProblem(0.3, 0.31)?.reason).toBe('not-expected');
  expect(expectationProblem(1_000, 1_000.5)?.reason).toBe('not-expected');
  expect(expectationProblem(0.3, null)?.reason).toBe('not-expected');
  expect(expectationProblem(false, true)?.reason).toBe('not-expected');
});

test('commands come no faster than allowed, of the gateway and of each tag', () => {
  let ms = 0;
  const pace = new Pace(2, { now: () => 0, monotonicMs: () => ms });
  expect([pace.allows(), pace.allows(), pace.allows()]).toEqual([true, true, false]);
  ms = 30_000;
  expect([pace.allows(), pace.allows()]).toEqual([true, false]);
  const one = tag('bool');
  expect([pace.isTooSoon(one, 1_000), pace.isTooSoon(one, 1_000), pace.isTooSoon(tag('bool'), 1_000)]).toEqual([
    ...[false, true, false],
  ]);
  ms += 1_000;
  expect(pace.isTooSoon(one, 1_000)).toBe(false);
});

test('a command that came too soon does not put off the next one', () => {
  let ms = 0;
  const pace = new Pace(9, { now: () => 0, monotonicMs: () => ms });
  const one = tag('bool');
  const isTooSoonAt = (atMs: number): boolean => {
    ms = atMs;
    return pace.isTooSoon(one, 1_000);
  };
  expect([isTooSoonAt(0), isTooSoonAt(600), isTooSoonAt(1_000)]).toEqual([false, true, false]);
});
