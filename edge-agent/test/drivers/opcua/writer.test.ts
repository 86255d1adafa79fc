/** What the writer does with nodes of every kind; the whole way of a command: deploy/test/commands. */
import type { Tag, Value } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { TagWriter, WriteProblem } from '../../../src/drivers/driver.ts';
import { type DeviceSettings, plantNode, tagOf, trouble, useRigs } from './harness.ts';
import { startLine } from './peers/cut-line.ts';
import { startServer, type TestServer, type WrittenNode } from './peers/node-opcua.ts';

const rigFor = useRigs();

const numbers = [
  { name: 'sbyte', dataType: 'SByte', type: 'int8', value: -128 },
  { name: 'byte', dataType: 'Byte', type: 'uint8', value: 255 },
  { name: 'int16', dataType: 'Int16', type: 'int16', value: -32768 },
  { name: 'uint16', dataType: 'UInt16', type: 'float64', value: 65535 },
  { name: 'int32', dataType: 'Int32', type: 'int32', value: -(2 ** 31) },
  { name: 'uint32', dataType: 'UInt32', type: 'uint32', value: 2 ** 32 - 1 },
  { name: 'int64', dataType: 'Int64', type: 'int64', value: -(2n ** 53n) - 1n },
  { name: 'uint64', dataType: 'UInt64', type: 'uint64', value: 2n ** 64n - 1n },
  { name: 'float', dataType: 'Float', type: 'float32', value: Math.fround(21.3) },
  { name: 'double', dataType: 'Double', type: 'float64', value: 0.1 },
  { name: 'flag', dataType: 'Boolean', type: 'bool', value: true },
  { name: 'text', dataType: 'String', type: 'string', value: 'Pumpe läuft' },
  { name: 'date', dataType: 'DateTime', type: 'string', value: '2026-03-01T12:00:00.000Z' },
  { name: 'bytes', dataType: 'ByteString', type: 'string', value: 'AQID' },
] as const;

const of = (name: string, dataType: string, writing: object = {}, value: unknown = 1) => ({
  ...plantNode(name, dataType, value),
  writing,
});
const odd = [
  { ...plantNode('recipe', 'Double'), writing: { rank: 1 } },
  { ...plantNode('totals', 'Int64'), writing: { rank: 1 } },
  { ...plantNode('names', 'String'), writing: { rank: 1 } },
  { ...plantNode('slots', 'UInt16'), writing: { rank: 1 } },
  of('readOnly', 'Double', { access: 'CurrentRead' }),
  of('writeOnly', 'Double', { access: 'CurrentWrite' }),
  of('list', 'Double', { rank: 1 }, null),
  of('refusing', 'Double', { answer: 'BadNotWritable' }),
  of('denying', 'Double', { answer: 'BadUserAccessDenied' }),
  of('picky', 'Double', { answer: 'BadTypeMismatch' }),
  of('doubting', 'Double', { answer: 'UncertainLastUsableValue' }),
  of('deaf', 'Double', { answer: 'BadTimeout' }),
  of('clamping', 'Double', { answer: 'GoodClamped' }),
  of('slow', 'Double', { answer: 'Good', afterMs: 1_500 }),
  plantNode('empty', 'UInt16'),
  plantNode('level', 'Double', 5),
  plantNode('localized', 'LocalizedText', { text: 'läuft', locale: 'de' }),
];
const write = { min: -1e300, max: 1e300 };
const ofType: Partial<Record<(typeof numbers)[number]['type'], object>> = {
  bool: {},
  string: {},
  int64: { min: '-9223372036854775808', max: '9223372036854775807' },
  uint64: { min: 0, max: '18446744073709551615' },
};
const writableTag = (name: string, type: (typeof numbers)[number]['type'] = 'float64') => ({
  ...tagOf(name, type),
  write: ofType[type] ?? write,
});

let server: TestServer;

beforeAll(async () => {
  const plain = numbers.map(({ name, dataType }) => plantNode(name, dataType));
  server = await startServer({ nodes: [...plain, ...odd] });
});
afterAll(() => server.kill());

const writtenTo = async (name: string): Promise<WrittenNode[]> => {
  const all = (await server.ask({ do: 'written' })) as WrittenNode[];
  return all.filter(({ node }) => node.endsWith(`;s=${name}`));
};

/** A driver that reads and writes, connected. */
async function connected(tags: DeviceSettings['tags'] & object, endpoint = server.endpoint, timeoutMs = 10_000) {
  const rig = rigFor({ endpoint, tags: [...tags], timeoutMs });
  await waitFor(() => rig.driver.status()[0]?.state === 'connected' && rig.samples.length > 0, {
    what: 'a connection',
  });
  const { writer } = rig.driver;
  const tag = (name: string): Tag => {
    const found = rig.driver.tags.find((each) => each.tag === name);
    if (found === undefined) throw new Error(`no tag ${name}`);
    return found;
  };
  const put = (name: string, value: Value, permit: (before: Value | null) => WriteProblem | null = () => null) =>
    (writer as TagWriter).write(tag(name), { value, permit });
  return { rig, put, get: (name: string) => (writer as TagWriter).read(tag(name)) };
}

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
    await server.ask({
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
    server.ask({ do: 'set', name, dataType, value, arrayType: 'Array', sourceTimeMs: Date.now() });

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

describe('what the server answers', () => {
  test('is no, or that it took it, or that it does not know', async () => {
    const names = ['refusing', 'denying', 'picky', 'doubting', 'deaf', 'clamping'];
    const { put } = await connected(names.map((name) => writableTag(name)));
    const kinds = new Map<string, [string, string | undefined]>();
    for (const name of names) {
      const { kind, problem } = await put(name, 5);
      kinds.set(name, [kind, problem?.message]);
      expect(await writtenTo(name), name).toHaveLength(1);
    }
    expect(Object.fromEntries(kinds)).toEqual({
      refusing: ['rejected', 'the server answers with BadNotWritable: nobody may write this node'],
      denying: [
        'rejected',
        'the server answers with BadUserAccessDenied: give the user of this session the right on the server',
      ],
      picky: ['rejected', expect.stringContaining('BadTypeMismatch')],
      doubting: ['unanswered', 'the server answers with UncertainLastUsableValue'],
      deaf: ['unanswered', 'the server answers with BadTimeout'],
      clamping: ['accepted', undefined],
    });
  });

  test('may come too late: then it is unanswered, sent once, and read back', async () => {
    const { put, get, rig } = await connected([writableTag('slow')], server.endpoint, 500);
    expect(await put('slow', 8)).toMatchObject({ kind: 'unanswered', problem: { reason: 'no-answer' }, written: 8 });
    expect((await get('slow')).value).toBe(8);
    await rig.sees('slow', 8);
    expect(await writtenTo('slow')).toHaveLength(1);
  });
});

describe('a connection', () => {
  test('on which the reading before the write has no answer is told as none, and nothing is written', async () => {
    const { put } = await connected([writableTag('double')], server.endpoint, 500);
    const sent = await writtenTo('double');
    server.freeze();
    const { kind, problem } = await put('double', 7).finally(() => server.thaw());
    expect(kind).toBe('not-sent');
    expect(problem).toEqual({
      reason: 'not-connected',
      message: expect.stringMatching(/^read before the write: /),
    });
    expect(await writtenTo('double')).toEqual(sent);
  });

  test('that is cut between write and answer leaves it unanswered, and the write is not sent again', async () => {
    const line = await startLine(server.settings.port);
    onTestFinished(() => line.close());
    const endpoint = `opc.tcp://127.0.0.1:${line.port}/plant`;
    const { put, rig } = await connected([writableTag('slow')], endpoint);
    const sent = await writtenTo('slow');
    const result = put('slow', 9);
    await waitFor(async () => (await writtenTo('slow')).length > sent.length, { what: 'the write' });
    line.close();
    expect(await result).toMatchObject({ kind: 'unanswered', problem: { reason: 'no-answer' }, written: 9 });
    await waitFor(() => rig.driver.status()[0]?.state === 'disconnected', { what: 'the loss to be noticed' });
    expect(await put('slow', 10)).toMatchObject({ kind: 'not-sent', problem: { reason: 'not-connected' } });
    const other = await connected([writableTag('slow')]);
    expect((await other.get('slow')).value).toBe(9);
    expect(await writtenTo('slow')).toHaveLength(sent.length + 1);
  });

  test('whose session the server has forgotten sends nothing twice, and makes no session of its own', async () => {
    const { put, rig } = await connected([writableTag('level')]);
    const sent = await writtenTo('level');
    await server.ask({ do: 'close-sessions' });
    const { kind, problem } = await put('level', 11);
    expect(kind, problem?.message).not.toBe('accepted');
    await waitFor(() => rig.driver.status()[0]?.state !== 'connected', { what: 'the loss to be noticed' });
    await waitFor(() => rig.driver.status()[0]?.state === 'connected', { what: 'the next session' });
    await waitFor(async () => (await server.ask({ do: 'sessions' })) === 1, { what: 'one session' });
    expect((await writtenTo('level')).length).toBeLessThanOrEqual(sent.length + 1);
  });
});
