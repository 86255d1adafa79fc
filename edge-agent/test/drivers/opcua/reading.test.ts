import { qualityName } from '@fieldline/shared/contracts';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';
import { startLine } from './peers/cut-line.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

const many = Array.from({ length: 12 }, (_, position) => plantNode(`n${position}`, 'Double', position));
const tags = many.map(({ name }) => tagOf(name));
const settings = { namespaces: ['urn:plant'], nodes: many };

describeWith(asyncua, 'values that are read', () => {
  test('since the server has no subscriptions come all the same, in calls that it takes, and none twice', async () => {
    const server = await serverWith({ ...settings, limits: { subscriptions: 0, nodesPerRead: 5 } });
    const rig = rigFor({ endpoint: server.endpoint, tags });
    for (const { name, value } of many) await rig.sees(name, Number(value));
    const sourceMicros = Date.now() * 1_000;
    await server.set({ name: 'n3', dataType: 'Double', value: 33, sourceMicros });
    expect((await rig.sees('n3', 33)).time).toBe(sourceMicros);
    const repeated = await rig.metric('fieldline_opcua_repeated_total');
    await waitFor(async () => (await rig.metric('fieldline_opcua_repeated_total')) > repeated + 50, {
      what: 'further reads',
    });
    expect(rig.samples).toHaveLength(13);
    expect(rig.driver.note?.()).toContain('server1: the server gives no subscription (BadServiceUnsupported)');
  });

  test('since the server has no subscription left do not cost the device that has one', async () => {
    const server = await serverWith({ ...settings, limits: { subscriptions: 1 } });
    const rig = rigFor(
      { endpoint: server.endpoint, tags: [tagOf('n1')] },
      { endpoint: server.endpoint, tags: [tagOf('n2')] },
    );
    await rig.sees('n1', 1);
    await rig.sees('n2', 2);
    for (const [name, value] of [
      ['n1', 10],
      ['n2', 20],
    ] as const) {
      await server.set({ name, dataType: 'Double', value, sourceMicros: Date.now() * 1_000 });
      await rig.sees(name, value);
    }
    expect(rig.driver.note?.()).toContain('server2: the server gives no subscription (BadTooManySubscriptions)');
    expect(rig.driver.note?.()).not.toContain('server1: the');
  });

  test('as the settings want it are bad where the node is not there, once, and good when it is', async () => {
    const server = await serverWith(settings);
    const rig = rigFor({ endpoint: server.endpoint, acquire: 'read', tags: [tagOf('n1'), tagOf('late')] });
    await rig.sees('n1', 1);
    await rig.turns('late', 'bad/address');
    await waitFor(() => rig.driver.status()[0]?.trouble?.includes('late: nsu=urn:plant;s=late: BadNodeIdUnknown'), {
      what: 'the reason',
    });
    await server.add(plantNode('late', 'Double', 7));
    await rig.sees('late', 7);
    expect(rig.of('late').map(({ quality }) => qualityName(quality))).toEqual(['bad/address', 'good']);
    expect(await rig.metric('fieldline_opcua_notifications_total')).toBe(0);
    expect(rig.driver.note?.()).toContain(
      'server1: 2 of 2 nodes, first n1, are read every 100 ms and not every 20 ms: no value is read more often',
    );
  });

  test('turn bad when the server is killed, and come again when it is back', async () => {
    const server = await serverWith(settings);
    const rig = rigFor({ endpoint: server.endpoint, acquire: 'read', tags: [tagOf('n1')] });
    await rig.sees('n1', 1);
    await server.kill();
    await rig.turns('n1', 'bad/not-connected');
    await serverWith({ ...settings, port: server.port });
    await rig.sees('n1', 1);
  });

  test('were not read while the line was down: they are bad for that time, however short, and nothing is declared', async () => {
    const server = await serverWith(settings);
    const line = await startLine(server.port);
    onTestFinished(() => line.close());
    const endpoint = `opc.tcp://127.0.0.1:${line.port}/plant`;
    const rig = rigFor({ endpoint, acquire: 'read', tags: [tagOf('n1')] });
    await rig.sees('n1', 1);
    line.cut();
    await waitFor(() => rig.of('n1').length === 3, { what: 'the value again' });
    const [before, bad, again] = rig.of('n1');
    expect([before, bad, again].map((each) => qualityName(each?.quality ?? -1))).toEqual([
      'good',
      'bad/not-connected',
      'good',
    ]);
    expect((again?.time ?? 0) > (bad?.time ?? 0) && (bad?.time ?? 0) > (before?.time ?? 0)).toBe(true);
    expect(rig.declared).toEqual([]);
  });

  test('since the server has lost our subscription and gives none any more have a gap from the last report to the first read', async () => {
    const server = await serverWith(settings);
    const rig = rigFor({ endpoint: server.endpoint, tags: [tagOf('n1')] });
    const first = await rig.sees('n1', 1);
    await server.kill();
    await rig.turns('n1', 'bad/not-connected');
    const nodes = [plantNode('n1', 'Double', 7)];
    await serverWith({ ...settings, nodes, port: server.port, limits: { subscriptions: 0 } });
    const { time } = await rig.sees('n1', 7);
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration' });
    expect(rig.declared).toMatchObject([{ kind: 'series', device: 'server1', reason: 'outage', to: time }]);
    const [loss] = rig.declared;
    if (loss?.kind !== 'series') throw new Error('no span');
    expect(loss.from).toBeGreaterThanOrEqual(first.time);
  });
});
