/** What the writer does with nodes of every kind; the whole way of a command: deploy/test/commands. */
import { describe, expect, test } from 'vitest';
import { tagOf, trouble } from './harness.ts';

import { numbers, useWritablePlant, writableTag, write } from './writable-plant.ts';

const { connected, writtenTo, plantServer } = useWritablePlant();

describe('a value', () => {
  test('of every type is written exactly, as the type of the node, alone, and read back', async () => {
    const { put, get } = await connected(numbers.map(({ name, type }) => writableTag(name, type)));
    for (const { name, value, dataType } of numbers) {
      expect(await put(name, value), name).toMatchObject({ kind: 'accepted', problem: null, written: value });
      expect((await get(name)).value, name).toBe(value);
      expect(await writtenTo(name)).toEqual([{ node: expect.any(String), dataType, hasMore: false }]);
    }
  });

  test('that the node cannot hold is refused with the nearest it can, and nothing is sent', async () => {
    const names = ['byte', 'int16', 'uint64'] as const;
    const { put } = await connected([...names.map((name) => writableTag(name)), writableTag('date', 'string')]);
    const before = await Promise.all(['byte', 'date'].map(writtenTo));
    for (const [name, value] of [
      ['byte', 256],
      ['byte', -1],
      ['int16', 0.5],
      ['date', 'tomorrow'],
    ] as const) {
      const result = await put(name, value);
      expect(result, `${name} ${value}`).toMatchObject({ kind: 'not-sent', written: null });
      expect(result.problem).toMatchObject({
        reason: 'not-representable',
        message: expect.stringMatching(`none stands for ${value}`),
      });
    }
    expect(await put('date', '2026-03-01')).toMatchObject({
      problem: { message: expect.stringContaining('2026-03-01T00:00:00.000Z would be written') },
    });
    expect(await Promise.all(['byte', 'date'].map(writtenTo))).toEqual(before);
  });

  test('keeps the language of a text, and may be given to a node that holds none', async () => {
    const { put } = await connected([writableTag('localized', 'string'), writableTag('empty')]);
    expect(await put('localized', 'steht')).toMatchObject({ kind: 'accepted', before: 'läuft', written: 'steht' });
    expect(await put('empty', 7)).toMatchObject({ kind: 'accepted', before: null, written: 7 });
  });

  test('is not sent where leave is not given, nor to a node that cannot be read, cannot be written, or is a list', async () => {
    const { put } = await connected(
      ['double', 'readOnly', 'writeOnly', 'list', 'missing'].map((name) => writableTag(name)),
    );
    const problem = { reason: 'expired', message: 'too late' } as const;
    const sent = await writtenTo('double');
    expect(await put('double', 5, () => problem)).toMatchObject({ kind: 'not-sent', problem, written: null });
    expect(await writtenTo('double')).toEqual(sent);
    const reasons: [string, string, string][] = [
      ['readOnly', 'not-writable', 'nobody may write this node (AccessLevel)'],
      ['writeOnly', 'not-readable', 'BadNotReadable'],
      ['list', 'not-representable', 'the node is an array: state each under write, or element'],
      ['missing', 'not-readable', 'BadNodeIdUnknown'],
    ];
    for (const [name, reason, message] of reasons) {
      expect((await put(name, 5)).problem, name).toEqual({ reason, message: expect.stringContaining(message) });
      expect(await writtenTo(name), name).toEqual([]);
    }
  });
});

describe('a number', () => {
  const textTag = (name: string, write: object) => ({ ...tagOf(name, 'string'), write });

  test('is not written as text, which has no limits: it is told at the connect, and each command refused', async () => {
    const { rig, put } = await connected([textTag('level', {}), textTag('text', {})]);
    const message = 'it takes Double, and a text has no limits: state a type of numbers with min and max, or oneOf';
    expect(await trouble(rig, /cannot be written/)).toBe(`1 tags cannot be written, first level: ${message}`);
    const sent = await writtenTo('level');
    expect(await put('level', '32000')).toMatchObject({
      kind: 'not-sent',
      problem: { reason: 'not-writable', message },
    });
    expect(await put('text', '32000')).toMatchObject({ kind: 'accepted' });
    expect(await writtenTo('level')).toEqual(sent);
  });

  test('is written as text where the settings name its values', async () => {
    const { rig, put } = await connected([textTag('level', { oneOf: ['5', '7.5'] })]);
    expect(await put('level', '7.5')).toMatchObject({ kind: 'accepted', written: '7.5' });
    expect(rig.driver.status()[0]?.trouble).toBeNull();
  });

  test('of an array or of one of its elements is not written as text either', async () => {
    await plantServer().ask({
      ...{ do: 'set', name: 'slots', dataType: 'UInt16', value: [10, 20], arrayType: 'Array' },
      sourceTimeMs: Date.now(),
    });
    const { put } = await connected([
      textTag('slots', { each: { type: 'string' } }),
      { ...textTag('slots', {}), tag: 'slot', element: '[1]' },
    ]);
    const sent = await writtenTo('slots');
    for (const [name, value] of [
      ['slots', '["1","2"]'],
      ['slot', '7'],
    ] as const) {
      expect((await put(name, value)).problem, name).toMatchObject({
        reason: 'not-writable',
        message: expect.stringContaining('it takes UInt16, and a text has no limits'),
      });
    }
    expect(await writtenTo('slots')).toEqual(sent);
  });
});

describe('an array', () => {
  const listTag = (name: string, each: object, more: object = {}) => ({
    ...tagOf(name, 'string'),
    write: { each: { min: -1e6, max: 1e300, ...each }, ...more },
  });
  const elementTag = (name: string, position: number) => ({
    ...{ tag: `${name}${position}`, node: `nsu=urn:plant;s=${name}`, type: 'float64' as const },
    ...{ element: `[${position}]`, write },
  });
  const set = (name: string, dataType: string, value: unknown) =>
    plantServer().ask({ do: 'set', name, dataType, value, arrayType: 'Array', sourceTimeMs: Date.now() });

  test('of scalars is written whole, with as many values as it has, and read back as the same text', async () => {
    await set('recipe', 'Double', [1, 2, 3]);
    await set('totals', 'Int64', [
      [0, 1],
      [0, 2],
    ]);
    await set('names', 'String', ['a', 'b']);
    const { put, get } = await connected([
      listTag('recipe', { type: 'float64' }),
      listTag('totals', { type: 'int64', max: '9223372036854775807' }, { length: 1 }),
      { ...tagOf('names', 'string'), write: { each: { type: 'string' } } },
    ]);
    for (const [name, before, text, dataType] of [
      ['recipe', '[1,2,3]', '[0.5,-2,1e+21]', 'Double'],
      ['totals', '[1,2]', '["9007199254740993"]', 'Int64'],
      ['names', '["a","b"]', '["läuft","\\"x"]', 'String'],
    ] as const) {
      expect(await put(name, text), name).toEqual({ kind: 'accepted', problem: null, before, written: text });
      expect((await get(name)).value, name).toBe(text);
      expect(await writtenTo(name), name).toEqual([{ node: expect.any(String), dataType, hasMore: false }]);
    }
    for (const [name, text, message] of [
      ['recipe', '[1,2]', '2 values, and the node has 3: state length under write where that may change'],
      ['recipe', '[1,2,"x"]', 'is no list with values'],
      ['recipe', '[]', 'is no list with values'],
    ] as const) {
      expect((await put(name, text)).problem, text).toMatchObject({ message: expect.stringContaining(message) });
      expect(await writtenTo(name)).toHaveLength(1);
    }
  });

  test('has one of its elements written, and the others keep their values', async () => {
    await set('slots', 'UInt16', [10, 20, 30]);
    const { put, get, rig } = await connected([
      elementTag('slots', 1),
      elementTag('slots', 3),
      elementTag('level', 0),
      tagOf('slots', 'string'),
    ]);
    expect(await put('slots1', 25)).toEqual({ kind: 'accepted', problem: null, before: 20, written: 25 });
    expect((await get('slots1')).value).toBe(25);
    await rig.sees('slots', '[10,25,30]');
    for (const [name, value, message] of [
      ['slots1', 70_000, 'it takes UInt16, and none stands for 70000'],
      ['slots3', 1, 'the node holds 3 values in a row: [3] is none'],
      ['level0', 1, 'the node holds 0 values in a row: [0] is none'],
    ] as const) {
      expect((await put(name, value)).problem, name).toMatchObject({ reason: 'not-representable', message });
    }
    expect(await writtenTo('slots')).toHaveLength(1);
  });
});
