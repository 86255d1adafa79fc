/** What the driver does with methods of every kind; the whole way of a command: deploy/test/commands. */
import type { OpcuaCall } from '@fieldline/shared/config';
import type { Tag, Value } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { z } from 'zod';
import type { opcuaCallSchema } from '../../../../shared/src/config/opcua-call.ts';
import type { CallResult, WriteProblem } from '../../../src/drivers/driver.ts';
import { type DeviceSettings, plantNode, tagOf, trouble, useRigs } from './harness.ts';
import { startLine } from './peers/cut-line.ts';
import { type CalledMethod, startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const amount = { name: 'amount', dataType: 'UInt16' };
const methods = [
  {
    object: 'boiler',
    name: 'fill',
    inputs: [amount, { name: 'total', dataType: 'Int64' }, { name: 'note', dataType: 'LocalizedText' }],
  },
  { object: 'boiler', name: 'reset', inputs: [] },
  { object: 'boiler', name: 'drain', inputs: [] },
  { object: 'boiler', name: 'refusing', inputs: [amount], answer: 'BadInvalidState' },
  { object: 'boiler', name: 'deaf', inputs: [amount], answer: 'BadTimeout' },
  { object: 'boiler', name: 'slow', inputs: [amount], afterMs: 1_500 },
  { object: 'boiler', name: 'listed', inputs: [{ name: 'list', dataType: 'Double', isList: true }] },
];
type Stated = z.input<typeof opcuaCallSchema>;
const node = (name: string): string => `nsu=urn:plant;s=${name}`;
const limits = { min: 0, max: 1e9 };
const stated = (name: string, inputs: Stated['inputs'] = [{ name: 'amount', type: 'uint16', ...limits }]): Stated => ({
  ...{ tag: name, object: node('boiler'), method: node(name), inputs },
});
const fill = stated('fill', [
  { name: 'amount', type: 'float64', ...limits },
  { name: 'total', type: 'int64', ...limits },
  { name: 'note', type: 'string' },
]);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ nodes: [plantNode('level', 'Double', 5)], methods, hasAlarm: true });
});
afterAll(() => server.kill());

const calledOf = async (name: string): Promise<CalledMethod[]> => {
  const all = (await server.ask({ do: 'called' })) as CalledMethod[];
  return all.filter(({ method }) => method.endsWith(`;s=${name}`) || method.endsWith(`;i=${name}`));
};

async function connected(calls: Stated[], endpoint = server.endpoint, tags: DeviceSettings['tags'] = [tagOf('level')]) {
  const rig = rigFor({ endpoint, tags, calls, namespace: 'urn:plant' });
  await waitFor(() => rig.driver.status()[0]?.state === 'connected' && rig.samples.length > 0, {
    what: 'a connection',
  });
  const call = async (
    name: string,
    inputs: readonly Value[],
    permit: () => WriteProblem | null = () => null,
  ): Promise<CallResult | undefined> => {
    const tag = rig.driver.tags.find((each) => each.tag === name) as Tag;
    return await rig.driver.writer?.call?.(tag, { inputs, permit });
  };
  return { rig, call };
}

describe('a method', () => {
  test('is given its inputs as exactly its types, and leaves what it gave as a sample', async () => {
    const { rig, call } = await connected([fill]);
    const outputs = '{"amountGiven":7,"totalGiven":"9007199254740993","noteGiven":"läuft"}';
    expect(await call('fill', [7, 2n ** 53n + 1n, 'läuft'])).toEqual({ kind: 'accepted', problem: null, outputs });
    expect(rig.of('fill').map(({ value, quality }) => [value, quality])).toEqual([[outputs, 0]]);
    const [{ inputs } = { inputs: [] }] = await calledOf('fill');
    expect(inputs).toEqual(['UInt16 7', 'Int64 2097152,1', 'LocalizedText läuft']);
  });

  test('is found by its browse path and that of its object, at each session; one that is not there is told', async () => {
    const byPath = { objectPath: 'boiler', methodPath: 'boiler/drain', inputs: [] };
    const missing = { tag: 'missing', objectPath: 'boiler', methodPath: 'boiler/explode', inputs: [] };
    const { rig, call } = await connected([{ tag: 'by-path', ...byPath }, missing]);
    expect(await call('by-path', [])).toMatchObject({ kind: 'accepted', outputs: '{}' });
    expect(await calledOf('drain')).toMatchObject([{ object: expect.stringMatching(/;s=boiler$/) }]);
    const { problem } = (await call('missing', [])) ?? {};
    expect(problem).toMatchObject({
      reason: 'not-writable',
      message: expect.stringContaining('no node has this path'),
    });
    expect(await trouble(rig, /1 methods cannot be called/)).toContain(
      'missing: boiler/explode: no node has this path',
    );
  });

  test('without inputs gives {}', async () => {
    const { call } = await connected([stated('reset', [])]);
    expect(await call('reset', [])).toMatchObject({ kind: 'accepted', outputs: '{}' });
    expect(await calledOf('reset')).toHaveLength(1);
  });

  test('is not called without leave, nor with a value that an input cannot hold', async () => {
    const { rig, call } = await connected([stated('refusing'), { ...fill, tag: 'fill2' }]);
    const problem = { reason: 'expired', message: 'too late' } as const;
    expect(await call('refusing', [5], () => problem)).toEqual({ kind: 'not-sent', problem, outputs: null });
    expect(await call('fill2', [0.5, 1n, ''])).toMatchObject({
      kind: 'not-sent',
      problem: { reason: 'not-representable', message: 'amount: it takes UInt16, and none stands for 0.5' },
    });
    expect(await calledOf('refusing')).toEqual([]);
    expect(rig.of('fill2')).toEqual([]);
  });

  test('that answers no, or cannot say, is told as that, and leaves a bad sample', async () => {
    const { rig, call } = await connected([stated('refusing'), stated('deaf')]);
    expect(await call('refusing', [5])).toMatchObject({
      kind: 'rejected',
      problem: { reason: 'exception', message: 'the server answers with BadInvalidState' },
    });
    expect(await call('deaf', [5])).toMatchObject({ kind: 'unanswered', problem: { reason: 'exception' } });
    await rig.turns('refusing', 'bad/refused');
    await rig.turns('deaf', 'bad/timeout');
  });

  test.each<[string, OpcuaCall['tag'], Stated, string]>([
    [
      'other inputs',
      'fill',
      { ...fill, inputs: [] },
      'the method has 3 inputs (amount, total, note), and the settings state 0',
    ],
    [
      'another order',
      'fill',
      { ...fill, inputs: [...(fill.inputs ?? [])].reverse() },
      'input 1 of the method is amount, and the settings state note',
    ],
    ['a list', 'listed', stated('listed', [{ name: 'list', ...limits }]), 'input list is no single value'],
    [
      'a text for a number',
      'refusing',
      stated('refusing', [{ name: 'amount', type: 'string' }]),
      'input amount: it takes UInt16, and a text has no limits: state a type of numbers with min and max, or oneOf',
    ],
    ['no method', 'reading', { ...stated('level'), tag: 'reading' }, 'the server has no such method'],
    ['nothing', 'missing', stated('missing'), 'the server has no such method'],
  ])(
    'that is not what the settings state (%s) is told at the connect, and not called',
    async (_what, tag, call, message) => {
      const { rig, call: make } = await connected([call]);
      const trouble = await waitFor(() => rig.driver.status()[0]?.trouble, { what: 'the trouble' });
      expect(trouble).toContain(`1 methods cannot be called, first ${tag}: ${message}`);
      const inputs = (call.inputs ?? []).map(() => 1);
      expect(await make(tag, inputs)).toMatchObject({ kind: 'not-sent', problem: { reason: 'not-writable' } });
    },
  );

  test('that cannot be called is told beside a node that the server refuses', async () => {
    const { rig } = await connected([stated('missing')], server.endpoint, [tagOf('level'), tagOf('nowhere')]);
    const text = await trouble(rig, /nowhere.*cannot be called/);
    expect(text).toContain('; 1 methods cannot be called, first missing: the server has no such method');
  });

  test('that a server has only later is found then, and can be called', async () => {
    const { rig, call } = await connected([stated('late')]);
    await waitFor(() => rig.driver.status()[0]?.trouble, { what: 'the trouble' });
    await server.ask({ do: 'add-method', method: { object: 'boiler', name: 'late', inputs: [amount] } });
    await waitFor(() => rig.driver.status()[0]?.trouble === null, { what: 'the trouble to go' });
    expect(await call('late', [5])).toMatchObject({ kind: 'accepted', outputs: '{"amountGiven":5}' });
  });

  test('whose connection is cut before its answer may have been carried out, and is not called again', async () => {
    const line = await startLine(server.settings.port);
    onTestFinished(() => line.close());
    const { rig, call } = await connected([stated('slow')], `opc.tcp://127.0.0.1:${line.port}/plant`);
    const result = call('slow', [3]);
    await waitFor(async () => (await calledOf('slow')).length > 0, { what: 'the call' });
    line.cut();
    expect(await result).toMatchObject({ kind: 'unanswered', problem: { reason: 'no-answer' }, outputs: null });
    await rig.turns('slow', 'bad/timeout');
    await waitFor(async () => (await rig.metric('fieldline_opcua_connects_total')) === 2, { what: 'the next session' });
    expect(await calledOf('slow')).toHaveLength(1);
  });
});

test('an alarm is acknowledged and confirmed, each by the method of its type with the condition, its event and a comment', async () => {
  const conditionOf = (tag: string, method: string): Stated => ({
    ...{ tag, object: 'any', method },
    inputs: [
      { name: 'EventId', type: 'string' },
      { name: 'Comment', type: 'string' },
    ],
  });
  const eventId = { tag: 'event', path: 'nsu=urn:plant;tank/nsu=urn:plant;alarm/0:EventId', type: 'string' } as const;
  const parts = ['AckedState', 'ConfirmedState'].map((name) => ({
    ...({ tag: name, path: `nsu=urn:plant;tank/nsu=urn:plant;alarm/0:${name}/0:Id`, type: 'bool' } as const),
  }));
  const calls = [conditionOf('acknowledge', 'i=9111'), conditionOf('confirm', 'i=9113')];
  const { rig, call } = await connected(calls, server.endpoint, [tagOf('level'), eventId, ...parts]);
  const first = await waitFor(() => rig.of('event').at(-1), { what: 'the first event' });
  const eventAfter = async (earlier: Value | null): Promise<Value> => {
    const isNew = (value: Value | null | undefined): value is Value => typeof value === 'string' && value !== earlier;
    return await waitFor(() => [rig.of('event').at(-1)?.value].find(isNew), { what: 'the next event' });
  };
  await server.ask({ do: 'set', name: 'level', dataType: 'Double', value: 20, sourceTimeMs: Date.now() });
  const event = await eventAfter(first.value);
  expect(await call('acknowledge', [node('alarm'), event, 'seen'])).toEqual({
    kind: 'accepted',
    problem: null,
    outputs: '{}',
  });
  await rig.sees('AckedState', true);
  const latest = await eventAfter(event);
  expect(await call('confirm', [node('alarm'), latest, 'mended'])).toMatchObject({ kind: 'accepted' });
  await rig.sees('ConfirmedState', true);
});
