import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { startLine } from './peers/cut-line.ts';
import { startServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

const eventsTag = (tag: string, events: object = {}) => ({ tag, node: 'i=2253', type: 'string' as const, events });

/** Events alone: the tag says besides when it has no connection. */
const eventsOf = (rig: Rig, tag: string) =>
  rig
    .of(tag)
    .flatMap(({ time, value, quality }) =>
      value === null ? [] : [{ time, quality: qualityName(quality), fields: JSON.parse(String(value)) }],
    );
const messagesOf = (rig: Rig, tag: string) => eventsOf(rig, tag).map(({ fields }) => fields.Message);

describeWith(asyncua, 'events of a server that is not node-opcua', () => {
  test('are samples with their fields, each once, at their time or the next free microsecond', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: [] });
    const tags = [
      eventsTag('all', { fields: ['Message', 'Severity', 'SourceName', 'nsu=urn:plant;Pressure'] }),
      eventsTag('severe', { minSeverity: 500 }),
    ];
    const rig = rigFor({ endpoint: server.endpoint, tags });
    await waitFor(async () => (await rig.metric('fieldline_opcua_connects_total')) > 0, { what: 'a connection' });
    const micros = Date.now() * 1_000 + 123;
    const event = { namespace: 'urn:plant', micros };
    const raise = async (): Promise<boolean> => {
      await server.event({ ...event, message: 'are you there', severity: 900, micros: micros - 1_000_000 });
      return messagesOf(rig, 'severe').length > 0 && messagesOf(rig, 'all').length > 0;
    };
    await waitFor(raise, { what: 'items that take events' });
    const before = messagesOf(rig, 'all').length;
    await server.event({ ...event, message: 'started', severity: 100 });
    await server.event({ ...event, message: 'hot', severity: 600, pressure: 2.5 });
    await server.event({ ...event, message: 'hotter', severity: 600, pressure: 3 });
    await waitFor(() => messagesOf(rig, 'all').includes('hotter'), { what: 'three events' });
    const [started, hot, hotter] = eventsOf(rig, 'all').filter(({ time }) => time >= micros);
    expect([started, hot, hotter].map((each) => (each?.time ?? 0) - micros)).toEqual([0, 1, 2]);
    expect(started?.fields).toEqual({
      EventId: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
      EventType: 'BaseEventType',
      Message: 'started',
      Severity: 100,
      SourceName: 'Server',
    });
    expect(hot).toMatchObject({ quality: 'good', fields: { Message: 'hot', Severity: 600, Pressure: 2.5 } });
    expect(hot?.fields.EventType).toMatch(/^nsu=urn:plant;/);
    await waitFor(() => messagesOf(rig, 'severe').includes('hotter'), { what: 'the severe ones' });
    expect(messagesOf(rig, 'severe')).not.toContain('started');
    expect(messagesOf(rig, 'all').length).toBeGreaterThanOrEqual(before + 3);
    expect(await rig.metric('fieldline_opcua_events_total')).toBeGreaterThanOrEqual(5);
  });
});

describe('alarms', () => {
  const alarmTag = eventsTag('alarms', { type: 'i=2915' });

  test('come with their state, and are said once however often the server is asked for them', async () => {
    const server = await startServer({ alarms: ['pump', 'valve'] });
    await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'overload' });
    const rig = rigFor({ endpoint: server.endpoint, tags: [alarmTag] });
    await waitFor(() => messagesOf(rig, 'alarms').includes('overload'), { what: 'the alarm that stood before us' });
    expect(eventsOf(rig, 'alarms')).toHaveLength(1);
    expect(eventsOf(rig, 'alarms')[0]).toMatchObject({
      quality: 'good',
      fields: {
        EventType: 'AlarmConditionType',
        ConditionId: 'nsu=urn:plant;s=pump-alarm',
        ConditionName: 'pump',
        Severity: 700,
        Retain: true,
        'ActiveState/Id': true,
        'AckedState/Id': false,
      },
    });
    await server.ask({ do: 'alarm', name: 'valve', active: true, message: 'stuck' });
    await waitFor(() => messagesOf(rig, 'alarms').includes('stuck'), { what: 'the second alarm' });
    await server.ask({ do: 'close-sessions' });
    await waitFor(async () => (await rig.metric('fieldline_opcua_connects_total')) > 1, { what: 'another session' });
    await server.ask({ do: 'alarm', name: 'pump', active: false, message: 'normal again' });
    await waitFor(() => messagesOf(rig, 'alarms').includes('normal again'), { what: 'the end of the first' });
    expect(messagesOf(rig, 'alarms')).toEqual(['overload', 'stuck', 'normal again']);
    expect(eventsOf(rig, 'alarms').at(-1)?.fields).toMatchObject({ Retain: false, 'ActiveState/Id': false });
    await server.kill();
  });

  test('that came and went while nobody could hear them are told as missing, by the time of the outage', async () => {
    const server = await startServer({ alarms: ['pump'], nodes: [plantNode('level', 'Double', 1)] });
    const line = await startLine(server.settings.port);
    const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags: [alarmTag, tagOf('level')] });
    await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'overload' });
    await waitFor(() => messagesOf(rig, 'alarms').includes('overload'), { what: 'the alarm' });
    await rig.sees('level', 1);
    expect(rig.declared).toEqual([]);
    line.takeDown();
    await server.ask({ do: 'close-sessions' });
    await rig.turns('alarms', 'bad/not-connected');
    await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'missed' });
    const micros = Date.now() * 1_000;
    await server.ask({ do: 'alarm', name: 'pump', active: false, message: 'over' });
    line.restore();
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration', timeoutMs: 15_000 });
    expect(messagesOf(rig, 'alarms')).not.toContain('missed');
    expect(rig.declared).toMatchObject([{ kind: 'series', device: 'server1', tag: 'alarms', reason: 'outage' }]);
    const [loss] = rig.declared;
    expect(loss?.kind === 'series' && loss.from < micros && micros < loss.to).toBe(true);
    line.close();
    await server.kill();
  });

  test('that were more than the server keeps are declared, though it does not say that it has thrown some away', async () => {
    const server = await startServer({ alarms: ['pump'] });
    const tag = eventsTag('alarms', { type: 'i=2915', queueSize: 5 });
    const rig = rigFor({ endpoint: server.endpoint, publishingMs: 1_000, tags: [tag] });
    await waitFor(
      async () => {
        await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'first' });
        return messagesOf(rig, 'alarms').includes('first');
      },
      { what: 'the first alarm' },
    );
    // It keeps 100, however few are asked for.
    await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'burst', times: 300 });
    await server.ask({ do: 'alarm', name: 'pump', active: true, message: 'last' });
    await waitFor(() => messagesOf(rig, 'alarms').includes('last'), { what: 'the last alarm' });
    const burst = eventsOf(rig, 'alarms').filter(({ fields }) => fields.Message === 'burst');
    expect(burst.length).toBeLessThan(300);
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    expect(rig.declared).toContainEqual(
      expect.objectContaining({ tag: 'alarms', reason: 'source-overflow', to: burst[0]?.time }),
    );
    await server.kill();
  });

  test('that ended while nobody listened are said to have ended, as uncertain', async () => {
    const first = await startServer({ alarms: ['pump'] });
    const rig = rigFor({ endpoint: first.endpoint, tags: [alarmTag] });
    await first.ask({ do: 'alarm', name: 'pump', active: true, message: 'overload' });
    await waitFor(() => messagesOf(rig, 'alarms').includes('overload'), { what: 'the alarm' });
    await first.kill();
    await rig.turns('alarms', 'bad/not-connected');
    const second = await startServer({ ...first.settings });
    const ended = await rig.turns('alarms', 'uncertain/substituted');
    expect(JSON.parse(String(ended.value))).toMatchObject({ Message: 'overload', Retain: false });
    await second.kill();
  });
});
