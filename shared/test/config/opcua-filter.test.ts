import { expect, test } from 'vitest';
import { opcuaDeviceSchema } from '../../src/config/opcua.ts';

const problemsOf = (device: object, tag: object): string[] => {
  const parsed = opcuaDeviceSchema.safeParse({
    device: 'plc',
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    tags: [{ tag: 'level', node: 'i=1', ...tag }],
    ...device,
  });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('a percentage needs a range at the agent, and none where the server knows it', () => {
  expect(problemsOf({}, { deadbandPercent: 5 })).toEqual([
    'tags.0.deadbandPercent: needs the range of the tag: state minimum and maximum, or deadbandAt: server for a node with an EURange',
  ]);
  expect(problemsOf({}, { deadbandPercent: 5, minimum: 0, maximum: 10 })).toEqual([]);
  expect(problemsOf({ deadbandAt: 'server' }, { deadbandPercent: 5 })).toEqual([]);
});

test('a percentage of a text, and two deadbands at once, are refused', () => {
  expect(problemsOf({}, { deadbandPercent: 5, type: 'string' })).toEqual([
    'tags.0.deadbandPercent: a string has no range',
  ]);
  expect(problemsOf({}, { deadband: 5, type: 'string' })).toEqual([
    'tags.0.deadband: is for numbers, and a string is none: leave it out',
  ]);
  expect(problemsOf({ deadband: 5 }, { type: 'string' })).toEqual([]);
  const twice = 'deadbandPercent: deadband and deadbandPercent exclude each other: leave one out';
  expect(problemsOf({}, { deadbandPercent: 5, deadband: 1 })).toEqual([`tags.0.${twice}`]);
  expect(problemsOf({ deadbandPercent: 5, deadband: 1 }, {})).toEqual([twice]);
});
