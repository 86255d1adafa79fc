import { describe, expect, test } from 'vitest';
import { opcuaDeviceSchema } from '../../src/config/opcua.ts';

function problemsOf(tag: object): string[] {
  const { error } = opcuaDeviceSchema.safeParse({
    device: 'plc',
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    tags: [{ tag: 'a', node: 'i=2258', ...tag }],
  });
  return (error?.issues ?? []).map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
}

describe('what a tag takes of its node', () => {
  test.each([
    { element: '[0]' },
    { element: 'Axes[12].Position' },
    { element: 'Main.Limits[1][2]' },
    { part: 'status', type: 'uint32' },
    { part: 'status', type: 'string' },
    { part: 'server-time', type: 'int64' },
    { events: {}, type: 'string' },
    { node: 'ns=65535;i=4294967295' },
    { node: 'nsu=urn:plant;s=x;i=99999999999' },
    {
      events: { type: 'nsu=urn:plant;i=5', fields: ['Message', 'nsu=urn:plant;Pressure'] },
      type: 'string',
      class: 'alarm',
    },
  ])('may be %j', (tag) => {
    expect(problemsOf(tag)).toEqual([]);
  });

  test.each([
    [{ element: '[x]' }, 'element: names of fields'],
    [{ element: 'a..b' }, 'element: names of fields'],
    [{ element: '[0]', part: 'status', type: 'uint32' }, 'element: is a part of the value'],
    [{ part: 'status' }, 'type: a status code is a uint32'],
    [{ part: 'server-time', type: 'uint32' }, 'type: the time of the server is an int64'],
    [{ events: {} }, 'type: an event is text: state type: string'],
    [{ node: 'ns=70000;s=x' }, 'node: a namespace index is at most 65535'],
    [{ node: 'ns=2;i=4294967296' }, 'node: the number of a node is at most 4294967295'],
    [
      { events: { fields: ['a//b'] }, type: 'string' },
      'events.fields.0: must be browse names below the event type, such as Message',
    ],
    [{ events: {}, type: 'string', deadband: 1 }, 'deadband: is for values, and this tag takes events'],
    [{ events: {}, type: 'string', thinToMs: 60_000 }, 'thinToMs: is for values, and this tag takes events'],
  ])('may not be %j', (tag, problem) => {
    expect(problemsOf(tag).join()).toContain(problem);
  });
});
