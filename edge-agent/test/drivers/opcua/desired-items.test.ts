import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { useNodeOpcua } from './peers/node-opcua.ts';

const rigFor = useRigs();
const asyncuaWith = useAsyncua();
const nodeOpcuaWith = useNodeOpcua();

const qualities = (rig: Rig, tag: string): string[] => rig.of(tag).map(({ quality }) => qualityName(quality));
const valuesOf = (rig: Rig, tag: string) => rig.of(tag).map(({ value }) => value);

describeWith(asyncua, 'one bad node among 500', () => {
  test('does not stop the others, says why, and comes when the server has it', async () => {
    const many = Array.from({ length: 499 }, (_, position) => plantNode(`n${position}`, 'Double', position));
    const late = plantNode('late', 'Double', -1);
    const server = await asyncuaWith({ namespaces: ['urn:plant'], nodes: many });
    const rig = rigFor({ endpoint: server.endpoint, tags: [...many, late].map(({ name }) => tagOf(name)) });
    await rig.turns('late', 'bad/address');
    for (const { name, value } of many) await rig.sees(name, Number(value));
    expect(rig.samples).toHaveLength(500);
    expect(rig.driver.status()[0]?.trouble).toBe(
      'the server refuses 1 of 500 nodes, first late: nsu=urn:plant;s=late: BadNodeIdUnknown',
    );
    await server.add(late);
    await rig.sees('late', -1);
    expect(rig.samples).toHaveLength(501);
    expect(rig.driver.status()[0]?.trouble).toBeNull();
  });
});

describe('a node that the server deletes while it is monitored', () => {
  test('is bad with its reason, and its values come again when the server has it again', async () => {
    const nodes = [plantNode('level', 'Double', 1), plantNode('count', 'UInt32', 7)];
    const server = await nodeOpcuaWith({ nodes });
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('level'), tagOf('count', 'uint32')] });
    await rig.sees('level', 1);
    await rig.sees('count', 7);
    await server.ask({ do: 'delete', name: 'level' });
    await rig.turns('level', 'bad/address');
    await waitFor(() => rig.driver.status()[0]?.trouble?.includes('level'), { what: 'the reason' });
    await server.ask({ do: 'add', node: plantNode('level', 'Double', 2) });
    await rig.sees('level', 2);
    await server.ask({ do: 'set', name: 'level', dataType: 'Double', value: 3, sourceTimeMs: Date.now() });
    await rig.sees('level', 3);
    expect(qualities(rig, 'level')).toEqual(['good', 'bad/address', 'good', 'good']);
    expect(qualities(rig, 'count')).toEqual(['good']);
    expect(await rig.metric('fieldline_opcua_renewed_items_total')).toBe(1);
  });
});

describeWith(asyncua, 'changes', () => {
  const level = plantNode('level', 'Double', 0);
  const nowMicros = (): number => Date.now() * 1_000;

  test('of at most the deadband are not sent by a server that is to hold them back', async () => {
    const server = await asyncuaWith({ namespaces: ['urn:plant'], nodes: [level] });
    const tag = { ...tagOf('level'), deadband: 1, deadbandAt: 'server' as const };
    const rig = rigFor({ endpoint: server.endpoint, tags: [tag] });
    await rig.sees('level', 0);
    for (const value of [0.5, 1, 2.5, 3, 5]) {
      await server.set({ name: 'level', dataType: 'Double', value, sourceMicros: nowMicros() });
    }
    await rig.sees('level', 5);
    expect(valuesOf(rig, 'level')).not.toContain(0.5);
    expect(await rig.metric('fieldline_opcua_values_total')).toBe(valuesOf(rig, 'level').length);
  });

  test('of the source time alone are samples where the trigger asks for them, and only there', async () => {
    const server = await asyncuaWith({ namespaces: ['urn:plant'], nodes: [level, plantNode('other', 'Double', 0)] });
    const timed = { ...tagOf('level'), trigger: 'status-value-timestamp' as const };
    const rig = rigFor({ endpoint: server.endpoint, tags: [timed, tagOf('other')] });
    await rig.sees('level', 0);
    await rig.sees('other', 0);
    const times = [1, 2, 3].map((each) => nowMicros() + each);
    for (const name of ['level', 'other']) {
      for (const sourceMicros of times) await server.set({ name, dataType: 'Double', value: 4, sourceMicros });
    }
    await waitFor(() => rig.of('level').length === 4 && rig.of('other').length === 2, { what: 'all changes' });
    expect(
      rig
        .of('level')
        .slice(1)
        .map(({ time }) => time),
    ).toEqual(times);
    expect(rig.of('other')[1]?.time).toBe(times[0]);
  });

  test('are all kept by a queue that is made longer where the server samples faster than it was asked to', async () => {
    const limits = { samplingMs: 20 };
    const server = await asyncuaWith({ namespaces: ['urn:plant'], nodes: [level], limits });
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('level')], publishingMs: 200, samplingMs: 200 });
    await rig.sees('level', 0);
    const wanted = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const value of wanted) {
      await server.set({ name: 'level', dataType: 'Double', value, sourceMicros: nowMicros() });
    }
    await rig.sees('level', 8);
    expect(valuesOf(rig, 'level')).toEqual([0, ...wanted]);
  });
});

describe('a filter', () => {
  test('of a percentage is kept by the server where the node has a range; where it has none every change comes, and that is said', async () => {
    const ranged = { ...plantNode('ranged', 'Double', 0), range: { low: 0, high: 200 } };
    const server = await nodeOpcuaWith({ nodes: [ranged, plantNode('plain', 'Double', 0)] });
    const percent = { deadbandPercent: 10, deadbandAt: 'server' as const };
    const rig = rigFor({
      endpoint: server.endpoint,
      tags: [
        { ...tagOf('ranged'), ...percent },
        { ...tagOf('plain'), ...percent },
      ],
    });
    await rig.sees('ranged', 0);
    await rig.sees('plain', 0);
    expect(rig.driver.note?.()).toMatch(
      /server1: the server does not filter 1 of 2 nodes, first plain: Bad\w+; it sends every change of them/,
    );
    for (const [value, offset] of [
      [19, 1],
      [40, 2],
    ] as const) {
      for (const name of ['ranged', 'plain']) {
        await server.ask({ do: 'set', name, dataType: 'Double', value, sourceTimeMs: Date.now() + offset });
        if (name === 'plain') await rig.sees('plain', value);
      }
    }
    await rig.sees('ranged', 40);
    expect(valuesOf(rig, 'ranged')).toEqual([0, 40]);
    expect(valuesOf(rig, 'plain')).toEqual([0, 19, 40]);
  });
});

describe('a queue of 5 that overflows at the server', () => {
  test('gives the newest values, good, and what was lost before them is declared', async () => {
    const level = { ...plantNode('level', 'Double', 0) };
    const server = await nodeOpcuaWith({ nodes: [level] });
    const rig = rigFor({
      endpoint: server.endpoint,
      queueSize: 5,
      samplingMs: 0,
      publishingMs: 1_000,
      tags: [tagOf('level')],
    });
    await rig.sees('level', 0);
    const firstMs = Date.now();
    for (let value = 1; value <= 12; value++) {
      const sourceTimeMs = firstMs + value;
      await server.ask({ do: 'set', name: 'level', dataType: 'Double', value, sourceTimeMs });
    }
    await rig.sees('level', 12);
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    const last = rig.of('level').slice(-5);
    expect(last.map(({ value, quality }) => [value, quality])).toEqual([8, 9, 10, 11, 12].map((value) => [value, 0]));
    const [before, oldest] = rig.of('level').slice(-6);
    expect(rig.declared).toEqual([
      {
        kind: 'series',
        device: 'server1',
        tag: 'level',
        from: before?.time,
        to: oldest?.time,
        samples: null,
        reason: 'source-overflow',
      },
    ]);
    expect(await rig.metric('fieldline_opcua_overflows_total')).toBe(1);
  });
});
