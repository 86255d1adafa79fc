/** Commands from an operator over Mosquitto and the agent to a server of asyncua and back; what was done is told by the server's own notes. */
import { describeWith, mosquitto, waitFor } from '@fieldline/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asyncua } from '../../../edge-agent/test/drivers/opcua/peers/asyncua.ts';
import { type Noted, startCommanded } from '../../../edge-agent/test/drivers/opcua/peers/asyncua-commands.ts';
import { startLine } from '../../../edge-agent/test/drivers/opcua/peers/cut-line.ts';
import { startOperated } from './operated.ts';

const limits = { min: -1e6, max: 1e6, atMostEveryMs: 1 };
const node = (name: string): string => `nsu=urn:plant;s=${name}`;
const tagOf = (name: string, type = 'float64', write: object | undefined = limits) => ({
  ...{ tag: name, node: node(name), type },
  ...(write === undefined ? {} : { write }),
});
const tags = [
  tagOf('level', 'uint32', undefined),
  tagOf('setpoint', 'float64', { min: 5, max: 35, atMostEveryMs: 1 }),
  tagOf('count', 'float64'),
  tagOf('total', 'uint64', { min: 0, max: '18446744073709551615', atMostEveryMs: 1 }),
  tagOf('title', 'string', { atMostEveryMs: 1 }),
  tagOf('recipe', 'string', { each: { min: 0, max: 100 }, atMostEveryMs: 1 }),
  // asyncua looks at no index range: it would take one element for the whole array.
  { ...tagOf('recipe'), tag: 'recipe-1', element: '[1]' },
  tagOf('mode', 'string', { oneOf: ['Off', 'Running', 'Missing'], atMostEveryMs: 1 }),
  ...['fixed', 'slow', 'refusing', 'denying', 'picky', 'lying'].map((name) => tagOf(name)),
];
const nodes = {
  setpoint: ['Double', 20, true],
  count: ['Int16', 5, true],
  total: ['UInt64', 1, true],
  title: ['String', 'old', true],
  recipe: ['Double', [1, 2, 3], true],
  fixed: ['Double', 1, false],
  ...Object.fromEntries(['slow', 'refusing', 'denying', 'picky', 'lying'].map((name) => [name, ['Double', 1, true]])),
} as const;
const behaviours = {
  slow: { afterMs: 1_500 },
  refusing: { answer: 'BadNotWritable' },
  denying: { answer: 'BadUserAccessDenied' },
  picky: { answer: 'BadTypeMismatch' },
  lying: { answer: 'GoodCompletesAsynchronously' },
};
const amount = ['Amount', 'UInt16'] as const;
const methods = {
  dose: { inputs: [amount], outputs: [['Given', 'UInt16']] },
  stop: { inputs: [] },
  stuck: { inputs: [amount], afterMs: 3_000 },
  hidden: { inputs: [] },
} as const;
const call = (name: string, inputs: object[] = []) => ({
  ...{ tag: name, object: 'i=85', method: node(name), inputs, atMostEveryMs: 1 },
});
const amountInput = { name: 'Amount', type: 'uint16', min: 0, max: 50 };
const calls = [call('dose', [amountInput]), call('stop'), call('stuck', [amountInput])];

async function startSite({ timeoutMs = 10_000, commands = { enabled: true } as object } = {}) {
  const server = await startCommanded({ nodes, enumerations: { mode: ['Off', 'Running'] }, behaviours, methods });
  onTestFinished(() => server.kill());
  const line = await startLine(server.port);
  onTestFinished(() => line.close());
  const device = {
    ...{ device: 'plc', protocol: 'opcua', endpoint: `opc.tcp://127.0.0.1:${line.port}/plant` },
    ...{ security: { policy: 'None', mode: 'None' }, publishingMs: 50, samplingMs: 50, timeoutMs, tags, calls },
  };
  const site = await startOperated([device], { commands });
  const doneTo = async (name: string): Promise<Noted[]> => (await server.noted()).filter((each) => each.node === name);
  return { ...site, server, line, doneTo };
}

describeWith(asyncua, 'a foreign OPC UA server', () => {
  describeWith(mosquitto, 'and a command', () => {
    test('that is allowed is written exactly, alone and once, read back, answered and recorded', async () => {
      const site = await startSite();
      const told: [object, unknown, unknown, Partial<Noted>][] = [
        [{ tag: 'setpoint', value: 21.5, expected: 20 }, 20, 21.5, { type: 'Double', value: 21.5 }],
        [{ tag: 'count', value: -32768 }, 5, -32768, { type: 'Int16', value: -32768 }],
        [
          { tag: 'total', value: '9007199254740993' },
          '1',
          '9007199254740993',
          { type: 'UInt64', value: '9007199254740993' },
        ],
        [{ tag: 'mode', value: 'Running' }, 'Off', 'Running', { type: 'Int32', value: 1 }],
        [
          { tag: 'recipe', value: '[2.5, 3, 4]', expected: '[1, 2, 3]' },
          '[1,2,3]',
          '[2.5,3,4]',
          { type: 'Double', value: [2.5, 3, 4] },
        ],
        [{ tag: 'title', value: 'Füllen' }, 'old', 'Füllen', { type: 'String', value: 'Füllen' }],
      ];
      for (const [changes, before, after, noted] of told) {
        const answer = await site.tell(changes);
        expect(answer).toMatchObject({ outcome: 'written', reason: null, before, written: after, after });
        expect(await site.doneTo(String(answer.tag))).toEqual([{ node: answer.tag, alone: true, ...noted }]);
      }
      await waitFor(() => site.newest('setpoint') === 21.5, { what: 'the new value to be read' });
      await waitFor(() => site.audit().length === told.length, { what: 'a record of each' });
      expect(site.audit()[0]).toMatchObject({
        tag: 'setpoint',
        value: 21.5,
        before: 20,
        after: 21.5,
        outcome: 'written',
      });
    });

    test('that may not be carried out is refused with the reason, and the server is told nothing', async () => {
      const site = await startSite();
      const refusals: [object, string][] = [
        [{ tag: 'other' }, 'unknown-tag'],
        [{ tag: 'level', value: 1 }, 'not-writable'],
        [{ tag: 'hidden', value: {} }, 'unknown-tag'],
        [{ tag: 'fixed', value: 1 }, 'not-writable'],
        [{ value: 'warm' }, 'type'],
        [{ value: 35.1 }, 'out-of-range'],
        [{ tag: 'count', value: 0.5 }, 'not-representable'],
        [{ tag: 'count', value: 40_000 }, 'not-representable'],
        [{ tag: 'mode', value: 'Missing' }, 'not-representable'],
        [{ tag: 'recipe', value: '[1,2]' }, 'not-representable'],
        [{ tag: 'recipe', value: '[1,2,101]' }, 'out-of-range'],
        [{ tag: 'recipe', value: '[1,2,"x"]' }, 'type'],
        [{ tag: 'recipe-1', value: 5 }, 'not-writable'],
        [{ expected: 19 }, 'not-expected'],
        [{ expires: Date.now() * 1_000 - 1 }, 'expired'],
        [{ tag: 'dose', value: 5 }, 'type'],
        [{ tag: 'dose', value: { Amount: 51 } }, 'out-of-range'],
        [{ tag: 'dose', value: {} }, 'type'],
      ];
      for (const [changes, reason] of refusals) {
        const { outcome, reason: given, written } = await site.tell(changes);
        expect([outcome, given, written], JSON.stringify(changes)).toEqual(['refused', reason, null]);
      }
      expect(await site.server.noted()).toEqual([]);
      await waitFor(() => site.audit().length === refusals.length, { what: 'a record of each' });
    });

    test('that the server refuses, or does not do, is told as that', async () => {
      const site = await startSite();
      for (const [tag, status] of [
        ['refusing', 'BadNotWritable'],
        ['denying', 'BadUserAccessDenied'],
        ['picky', 'BadTypeMismatch'],
      ]) {
        const answer = await site.tell({ tag, value: 5 });
        expect(answer).toMatchObject({
          outcome: 'rejected',
          reason: 'exception',
          message: expect.stringContaining(String(status)),
        });
        expect(await site.doneTo(String(tag))).toHaveLength(1);
      }
      expect(await site.tell({ tag: 'lying', value: 5 })).toMatchObject({ outcome: 'written', after: 5 });
    });

    test('that comes twice is carried out once and answered twice', async () => {
      const site = await startSite();
      const command = site.command({ id: 'twice', value: 25 });
      await Promise.all([site.publish(command), site.publish(command)]);
      await waitFor(() => site.answers.length > 0, { what: 'the first answer' });
      expect(await site.tell({ id: 'twice', value: 25 })).toMatchObject({ outcome: 'written', repeated: true });
      expect(await site.doneTo('setpoint')).toHaveLength(1);
    });

    test('whose connection breaks between write and answer is unknown, read back over the next, and not written again', async () => {
      const site = await startSite();
      const answered = site.tell({ tag: 'slow', value: 9 });
      await waitFor(async () => (await site.doneTo('slow')).length > 0, { what: 'the write' });
      site.line.cut();
      expect(await answered).toMatchObject({
        outcome: 'unknown',
        reason: 'no-answer',
        before: 1,
        written: 9,
        after: 9,
      });
      await site.read();
      expect(await site.doneTo('slow')).toHaveLength(1);
    });

    test('to a server that is away is refused, writes and calls alike', async () => {
      const site = await startSite();
      site.line.close();
      await waitFor(async () => (await site.agent.metric('fieldline_agent_device_connected')) === 0, {
        what: 'it to be away',
      });
      expect(await site.tell({ value: 30 })).toMatchObject({
        outcome: 'refused',
        reason: 'not-connected',
        written: null,
      });
      expect(await site.tell({ tag: 'stop', value: {} })).toMatchObject({
        outcome: 'refused',
        reason: 'not-connected',
      });
      expect(await site.server.noted()).toEqual([]);
    });

    test('whose agent is killed between write and answer is not written again', async () => {
      const site = await startSite();
      const command = site.command({ id: 'killed', tag: 'slow', value: 9 });
      await site.publish(command);
      await waitFor(async () => (await site.doneTo('slow')).length > 0, { what: 'the write' });
      await site.agent.kill();
      await site.agent.start();
      await waitFor(() => site.answers.length > 0, { timeoutMs: 30_000, what: 'an answer' });
      expect(site.answers[0]).toMatchObject({ outcome: 'unknown', reason: 'interrupted', before: 1, after: 9 });
      await site.publish(command);
      await waitFor(() => site.answers.length > 1, { what: 'the same answer again' });
      expect(site.answers[1]).toMatchObject({ id: 'killed', outcome: 'unknown', repeated: true });
      expect(await site.doneTo('slow')).toHaveLength(1);
      await waitFor(() => site.audit().length === 1, { what: 'the record' });
    });
  });

  describe('and the call of a method', () => {
    describeWith(mosquitto, 'by a command', () => {
      test('is carried out once, answered with what it gave, recorded, and leaves a sample', async () => {
        const site = await startSite();
        const answer = await site.tell({ id: 'dose', tag: 'dose', value: { Amount: 20 } });
        expect(answer).toMatchObject({
          outcome: 'called',
          reason: null,
          written: '{"Amount":20}',
          after: '{"Given":20}',
        });
        expect(await site.tell({ id: 'dose', tag: 'dose', value: { Amount: 20 } })).toMatchObject({ repeated: true });
        expect(await site.doneTo('dose')).toEqual([{ node: 'dose', object: 85, inputs: [['UInt16', 20]] }]);
        expect(await site.tell({ tag: 'stop', value: {} })).toMatchObject({
          outcome: 'called',
          written: '{}',
          after: '{}',
        });
        await waitFor(() => site.newest('dose') === '{"Given":20}', { what: 'the sample' });
        await waitFor(() => site.audit().length === 2, { what: 'the records' });
        expect(site.audit()[0]).toMatchObject({
          tag: 'dose',
          value: { Amount: 20 },
          outcome: 'called',
          after: '{"Given":20}',
        });
      });

      test('whose agent is killed before the answer is unknown, and not called again', async () => {
        const site = await startSite();
        const command = site.command({ id: 'killed', tag: 'stuck', value: { Amount: 3 } });
        await site.publish(command);
        await waitFor(async () => (await site.doneTo('stuck')).length > 0, { what: 'the call' });
        await site.agent.kill();
        await site.agent.start();
        await waitFor(() => site.answers.length > 0, { timeoutMs: 30_000, what: 'an answer' });
        expect(site.answers[0]).toMatchObject({ outcome: 'unknown', reason: 'interrupted', after: null });
        await site.publish(command);
        await waitFor(() => site.answers.length > 1, { what: 'the same answer again' });
        expect(await site.doneTo('stuck')).toHaveLength(1);
      });
    });
  });

  describeWith(mosquitto, 'without commands in the settings', () => {
    test('is told nothing', async () => {
      const site = await startSite({ commands: {} });
      await site.publish(site.command({ value: 30 }));
      await site.publish(site.command({ tag: 'stop', value: {} }));
      for (let reads = 0; reads < 5; reads++) await site.read();
      expect([await site.server.noted(), site.answers]).toEqual([[], []]);
    });
  });
});
