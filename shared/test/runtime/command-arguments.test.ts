import { parseCommandArgs } from '@fieldline/shared/runtime/command-arguments';
import { expect, test } from 'vitest';

const options = {
  'answer-ms': { type: 'string' },
  json: { type: 'boolean' },
  tag: { type: 'string', multiple: true },
} as const;
const parse = (...args: string[]) => parseCommandArgs(args, 'Usage: …', options).values;

test('a number below zero is a value, beside its option as behind an equals sign', () => {
  expect(parse('--answer-ms', '-3', '--json')).toMatchObject({ 'answer-ms': '-3', json: true });
  expect(parse('--answer-ms=-3')).toMatchObject({ 'answer-ms': '-3' });
  expect(parse('--tag', 'a', '--tag', '-.5')).toMatchObject({ tag: ['a', '-.5'] });
});

test.each([
  [['--answer-ms'], '--answer-ms needs a value behind it'],
  [['--answer-ms', '--json'], '--answer-ms needs a value behind it'],
  [['--answer-ms', ''], '--answer-ms has nothing behind it: state a value, or leave it out'],
  [['--json=yes'], '--json takes no value: leave out what stands behind it'],
  [['--answerms', '3'], 'there is no --answerms. Did you mean --answer-ms?'],
  [['--colour'], 'there is no --colour; there are --answer-ms, --json, --tag'],
  [['-3'], 'there is no -3; there are --answer-ms, --json, --tag'],
])('%j is wrong use, in a sentence, with the usage below', (args, sentence) => {
  expect(() => parse(...args)).toThrow(
    expect.objectContaining({ code: 'arguments/invalid', message: `${sentence}\n\nUsage: …` }),
  );
});
