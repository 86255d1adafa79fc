import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

const node = (name: string, dataType: string, value: unknown) => ({ namespace: 'urn:plant', name, dataType, value });
const nodes = [
  node('level', 'Double', 0.5),
  node('total', 'UInt64', 1),
  node('net', 'Int64', 1),
  node('state', 'String', 'on'),
];
const tags = [tagOf('level'), tagOf('total', 'uint64'), tagOf('net', 'int64'), tagOf('state', 'string')];

describeWith(asyncua, 'a server that is not node-opcua', () => {
  test('gives values with all bits and source times to the microsecond', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes });
    const rig = rigFor({ endpoint: server.endpoint, tags: [...tags, tagOf('missing')] });
    await rig.sees('level', 0.5);
    await rig.turns('missing', 'bad/address');
    const sourceMicros = Date.now() * 1_000 + 123;
    await server.set({ name: 'level', dataType: 'Double', value: 1.25, sourceMicros });
    await server.set({ name: 'total', dataType: 'UInt64', value: 2n ** 64n - 1n, sourceMicros: sourceMicros + 1 });
    await server.set({ name: 'net', dataType: 'Int64', value: -(2n ** 53n) - 1n, sourceMicros: sourceMicros + 2 });
    await server.set({ name: 'state', dataType: 'String', value: 'Störung', sourceMicros: sourceMicros + 3 });
    const seen = [
      await rig.sees('level', 1.25),
      await rig.sees('total', 2n ** 64n - 1n),
      await rig.sees('net', -(2n ** 53n) - 1n),
      await rig.sees('state', 'Störung'),
    ];
    expect(seen.map(({ time }) => time - sourceMicros)).toEqual([0, 1, 2, 3]);
    await server.set({
      name: 'level',
      dataType: 'Double',
      value: 2,
      sourceMicros: sourceMicros + 9,
      status: 'BadSensorFailure',
    });
    expect((await rig.turns('level', 'bad/device')).time).toBe(sourceMicros + 9);
  });

  test('gives the whole status code and the time of the server to tags of the same node, by one monitored item', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes });
    const more = [
      { ...tagOf('status', 'uint32', 'nsu=urn:plant;s=level'), part: 'status' as const },
      { ...tagOf('name', 'string', 'nsu=urn:plant;s=level'), part: 'status' as const },
      { ...tagOf('served', 'int64', 'nsu=urn:plant;s=level'), part: 'server-time' as const },
    ];
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('level'), ...more] });
    await rig.sees('level', 0.5);
    const before = BigInt(Date.now()) * 1_000n;
    const sourceMicros = Date.now() * 1_000 + 456;
    const status = 'BadSensorFailure';
    await server.set({ name: 'level', dataType: 'Double', value: 1, sourceMicros, status });
    expect((await rig.turns('level', 'bad/device')).value).toBeNull();
    const [code, name, served] = more.map(({ tag }) => rig.of(tag).at(-1));
    expect(code).toMatchObject({ value: 0x808c_0000, quality: 0, time: sourceMicros });
    expect(name).toMatchObject({ value: status, quality: 0, time: sourceMicros });
    expect(served?.time).toBe(sourceMicros);
    expect(served?.value).toBeGreaterThanOrEqual(before);
    expect(await rig.metric('fieldline_opcua_values_total')).toBe(2);
  });

  test('keeps two changes within a millisecond apart', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes });
    const rig = rigFor({ endpoint: server.endpoint, samplingMs: 0, queueSize: 10, tags: [tagOf('level')] });
    await rig.sees('level', 0.5);
    const sourceMicros = Date.now() * 1_000;
    const times = [1, 2, 999].map((more) => sourceMicros + more);
    for (const time of times)
      await server.set({ name: 'level', dataType: 'Double', value: time - sourceMicros, sourceMicros: time });
    await waitFor(() => rig.of('level').length >= 4, { what: 'three more samples' });
    expect(
      rig
        .of('level')
        .slice(1)
        .map(({ time }) => time),
    ).toEqual(times);
  });

  test('gives the same tags after it was killed and came back with its namespaces in another order', async () => {
    const first = await serverWith({ namespaces: ['urn:plant', 'urn:other'], nodes });
    const rig = rigFor({ endpoint: first.endpoint, tags });
    await rig.sees('level', 0.5);
    await first.kill();
    for (const { tag } of tags) await rig.turns(tag, 'bad/not-connected');
    const others = nodes.map((each) => ({
      ...each,
      namespace: 'urn:other',
      value: each.dataType === 'String' ? 'wrong' : 99,
    }));
    const second = await serverWith({
      port: first.port,
      namespaces: ['urn:other', 'urn:plant'],
      nodes: [...others, ...nodes],
    });
    const sourceMicros = Date.now() * 1_000;
    await rig.sees('state', 'on');
    await second.set({ name: 'level', dataType: 'Double', value: 7, sourceMicros });
    await rig.sees('level', 7);
    await waitFor(() => tags.every(({ tag }) => rig.of(tag).length >= 3), { what: 'three samples of each tag' });
    for (const { tag } of tags) {
      expect(
        rig
          .of(tag)
          .slice(0, 3)
          .map(({ quality }) => qualityName(quality)),
      ).toEqual(['good', 'bad/not-connected', 'good']);
    }
    expect(rig.samples.some(({ value }) => value === 99 || value === 'wrong')).toBe(false);
  });
});
