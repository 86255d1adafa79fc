/** What was missed while the server could not be heard: read from its history, or declared. */
import { qualityName, type Sample } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { type DeviceSettings, plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { type Line, startLine } from './peers/cut-line.ts';
import { type ServerSettings, startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const servers: TestServer[] = [];
const lines: Line[] = [];

afterEach(async () => {
  for (const line of lines.splice(0)) line.close();
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

async function serverWith(settings: Partial<ServerSettings>): Promise<TestServer> {
  const server = await startServer(settings);
  servers.push(server);
  return server;
}

async function lineTo(port: number): Promise<Line> {
  const line = await startLine(port);
  lines.push(line);
  return line;
}

const endpointOf = ({ port }: Line): string => `opc.tcp://127.0.0.1:${port}/plant`;
const fromHistory = (rig: Rig, tag: string): Sample[] =>
  rig.of(tag).filter(({ quality }) => qualityName(quality) === 'good/history');
const set = (server: TestServer, name: string, value: number, sourceTimeMs = Date.now()): Promise<unknown> =>
  server.ask({ do: 'set', name, dataType: 'Double', value, sourceTimeMs });

const recorded = { ...plantNode('recorded', 'Double', 1), isRecorded: true };
const unrecorded = plantNode('unrecorded', 'Double', 1);
const steady = plantNode('steady', 'Double', 1);
const tags = ['recorded', 'unrecorded', 'steady'].map((name) => tagOf(name));

/** A driver whose subscription the server forgets while nobody can reach it, and then changes the values of two of the three nodes. */
async function forgotten(settings: Partial<DeviceSettings> = {}, changes = 5) {
  const server = await serverWith({ nodes: [recorded, unrecorded, steady] });
  const line = await lineTo(server.settings.port);
  const rig = rigFor({ endpoint: endpointOf(line), tags, samplingMs: 0, ...settings });
  for (const { tag } of tags) await rig.sees(tag, 1);
  await set(server, 'recorded', 2);
  await set(server, 'unrecorded', 2);
  await rig.sees('recorded', 2);
  await rig.sees('unrecorded', 2);
  line.takeDown();
  await server.ask({ do: 'close-sessions' });
  await rig.turns('recorded', 'bad/not-connected');
  const base = Date.now();
  for (let change = 1; change <= changes; change++) {
    await set(server, 'recorded', 100 + change, base + change);
    await set(server, 'unrecorded', 100 + change, base + change);
  }
  line.restore();
  await rig.sees('unrecorded', 100 + changes);
  return { server, line, rig, base };
}

describe('after the server has forgotten the subscription', () => {
  test('what it has recorded is read and flagged, what it has not is declared, and a tag that did not change has no gap', async () => {
    const { rig, base } = await forgotten();
    const missed = await waitFor(() => fromHistory(rig, 'recorded').length >= 4 && fromHistory(rig, 'recorded'), {
      what: 'the values of the outage',
    });
    expect(missed.map(({ value, time }) => [value, time])).toEqual(
      [1, 2, 3, 4].map((change) => [100 + change, (base + change) * 1_000]),
    );
    expect(rig.of('recorded').filter(({ value }) => value === 105)).toHaveLength(1);
    const [loss] = await waitFor(() => rig.declared.length > 0 && rig.declared, { what: 'a declaration' });
    expect(rig.declared).toHaveLength(1);
    expect(loss).toMatchObject({
      kind: 'series',
      device: 'server1',
      tag: 'unrecorded',
      samples: null,
      reason: 'outage',
    });
    if (loss?.kind !== 'series') throw new Error('no span');
    expect(loss.from).toBeLessThan((base + 1) * 1_000);
    expect(loss.to).toBe((base + 5) * 1_000);
    expect(await rig.metric('fieldline_opcua_history_values_total')).toBe(4);
    expect(await rig.metric('fieldline_opcua_gaps_declared_total')).toBe(1);
    expect(qualityName(rig.of('steady').at(-1)?.quality ?? -1)).toBe('good');
  });

  test('nothing is read where the settings say so: it is declared', async () => {
    const { rig } = await forgotten({ history: 'off' });
    await waitFor(() => rig.declared.length === 2, { what: 'two declarations' });
    expect(rig.declared.map((each) => (each.kind === 'series' ? each.tag : null)).toSorted()).toEqual([
      'recorded',
      'unrecorded',
    ]);
    expect(fromHistory(rig, 'recorded')).toEqual([]);
  });

  test('more than one answer takes is read page by page, each value once, while live data go on', async () => {
    const { rig, server } = await forgotten({}, 1_200);
    await set(server, 'steady', 7);
    await rig.sees('steady', 7);
    await waitFor(() => fromHistory(rig, 'recorded').length >= 1_199, {
      what: 'all values of the outage',
      timeoutMs: 20_000,
    });
    const values = rig.of('recorded').flatMap(({ value }) => (Number(value) > 100 ? [Number(value)] : []));
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_200 }, (_, change) => 101 + change));
  });

  test('what lies further back than the bound of the settings is declared', async () => {
    const { rig, base } = await forgotten({ historyMaxMs: 3 });
    await waitFor(() => rig.declared.length === 2, { what: 'two declarations' });
    const loss = rig.declared.find((each) => each.kind === 'series' && each.tag === 'recorded');
    expect(loss).toMatchObject({ to: (base + 2) * 1_000, reason: 'outage' });
    expect(fromHistory(rig, 'recorded').map(({ value }) => value)).toEqual([103, 104]);
  });
});

describe('messages that did not come, and that the server has no more', () => {
  /** Of three nodes two change twice, to 2 and to 3, in messages that are lost. */
  async function missed() {
    const server = await serverWith({ nodes: [recorded, unrecorded, steady] });
    const line = await lineTo(server.settings.port);
    const rig = rigFor({ endpoint: endpointOf(line), tags, samplingMs: 0 });
    for (const { tag } of tags) await rig.sees(tag, 1);
    const sent = Number(await server.ask({ do: 'values-sent' }));
    line.lose();
    const base = Date.now();
    for (const value of [2, 3])
      for (const name of ['recorded', 'unrecorded']) await set(server, name, value, base + value);
    await waitFor(async () => Number(await server.ask({ do: 'values-sent' })) >= sent + 4, {
      what: 'the messages to go',
    });
    await server.ask({ do: 'forget-messages' });
    line.cut();
    await waitFor(async () => (await rig.metric('fieldline_opcua_resumes_total')) > 0, { what: 'the subscription' });
    return { server, rig, base };
  }
  const isMissed = (rig: Rig) =>
    waitFor(async () => (await rig.metric('fieldline_opcua_missing_messages_total')) > 0, { what: 'the gap' });

  test('are read from the history where that has them, else declared; what did not change misses nothing', async () => {
    const { server, rig, base } = await missed();
    for (const name of ['recorded', 'unrecorded']) await set(server, name, 4, base + 1_000);
    await isMissed(rig);
    await rig.sees('unrecorded', 4);
    await waitFor(() => fromHistory(rig, 'recorded').length > 0, { what: 'what the history has' });
    // The last of them the server may say again by itself, to a session that has taken the subscription over.
    expect(fromHistory(rig, 'recorded')[0]).toMatchObject({ value: 2, time: (base + 2) * 1_000 });
    expect(
      rig
        .of('recorded')
        .map(({ value }) => value)
        .toSorted(),
    ).toEqual([1, 2, 3, 4]);
    const [loss] = await waitFor(() => rig.declared.length > 0 && rig.declared, {
      what: 'a declaration',
      timeoutMs: 15_000,
    });
    expect(rig.declared).toMatchObject([{ tag: 'unrecorded', reason: 'outage' }]);
    const said = rig.of('unrecorded').map(({ value }) => value);
    const missing = [2, 3].filter((value) => !said.includes(value)).map((value) => (base + value) * 1_000);
    expect(missing).toContain((base + 2) * 1_000);
    for (const time of missing) expect(loss?.kind === 'series' && loss.from < time && time < loss.to).toBe(true);
    expect(rig.of('steady').map(({ value }) => value)).toEqual([1]);
  });

  test('leave no tag behind: what does not change any more is read, and its item made anew', async () => {
    const { server, rig } = await missed();
    await set(server, 'steady', 5);
    await isMissed(rig);
    await rig.sees('steady', 5);
    await rig.sees('unrecorded', 3);
    await waitFor(() => [2, 3].every((value) => rig.of('recorded').some((each) => each.value === value)), {
      what: 'all values of the node that is recorded',
    });
    expect(rig.of('steady').map(({ value }) => value)).toEqual([1, 5]);
  });
});

describe('a server that was restarted', () => {
  test('without history: the outage is declared once for the device', async () => {
    const first = await serverWith({ nodes: [unrecorded, steady] });
    const rig = rigFor({ endpoint: first.endpoint, tags: [tagOf('unrecorded'), tagOf('steady')] });
    await rig.sees('unrecorded', 1);
    await rig.sees('steady', 1);
    await first.kill();
    await rig.turns('unrecorded', 'bad/not-connected');
    const { port, folder } = first.settings;
    await serverWith({ port, folder, nodes: [unrecorded, steady] });
    await rig.turns('unrecorded', 'good');
    await rig.turns('steady', 'good');
    const [loss] = await waitFor(() => rig.declared.length > 0 && rig.declared, {
      what: 'a declaration',
      timeoutMs: 10_000,
    });
    expect(rig.declared).toHaveLength(1);
    expect(loss).toMatchObject({ kind: 'series', device: 'server1', tag: null, reason: 'outage' });
    if (loss?.kind !== 'series') throw new Error('no span');
    const bad = rig.of('unrecorded').find(({ value }) => value === null);
    expect(loss.from).toBeLessThanOrEqual(bad?.time ?? 0);
    expect(loss.to).toBe(Math.max(...['unrecorded', 'steady'].map((name) => rig.of(name).at(-1)?.time ?? 0)));
  });

  test('whose history began with that has no more than this to give: what was before is declared', async () => {
    const first = await serverWith({ nodes: [recorded] });
    const rig = rigFor({ endpoint: first.endpoint, tags: [tagOf('recorded')], samplingMs: 0 });
    await rig.sees('recorded', 1);
    await first.kill();
    await rig.turns('recorded', 'bad/not-connected');
    const line = await lineTo(first.settings.port);
    line.takeDown();
    const { port, folder } = first.settings;
    const second = await serverWith({ port, folder, nodes: [recorded] });
    await rig.turns('recorded', 'good');
    await second.ask({ do: 'close-sessions' });
    await rig.turns('recorded', 'good');
    await waitFor(() => rig.declared.length > 0, { what: 'a declaration', timeoutMs: 10_000 });
    expect(rig.declared).toHaveLength(1);
    expect(rig.declared[0]).toMatchObject({ tag: null, reason: 'outage' });
  });
});

describe('an agent that was restarted', () => {
  const earlier = Date.now() - 60_000;
  const kept = { recorded: { time: earlier * 1_000, value: 1, quality: 0, bad: null, late: null } };
  const restartedFor = useRigs({ kept });

  test('reads what was recorded since its last sample, and says nothing twice', async () => {
    const server = await serverWith({ nodes: [{ ...recorded, value: undefined }] });
    for (const [value, afterMs] of [
      [1, 0],
      [2, 100],
      [3, 200],
      [4, 300],
    ] as const)
      await set(server, 'recorded', value, earlier + afterMs);
    const rig = restartedFor({ endpoint: server.endpoint, tags: [tagOf('recorded')] });
    await waitFor(() => rig.samples.length >= 3, { what: 'the samples' });
    const said = rig.samples.map(({ value, time, quality }) => [value, time / 1_000 - earlier, qualityName(quality)]);
    expect(said.toSorted((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      [2, 100, 'good/history'],
      [3, 200, 'good/history'],
      [4, 300, 'good'],
    ]);
    expect(rig.declared).toEqual([]);
  });

  test('drops the value that the journal has already', async () => {
    const server = await serverWith({ nodes: [{ ...recorded, value: undefined }] });
    await set(server, 'recorded', 1, earlier);
    const rig = restartedFor({ endpoint: server.endpoint, tags: [tagOf('recorded')] });
    await waitFor(async () => (await rig.metric('fieldline_opcua_repeated_total')) === 1, {
      what: 'the repeated value',
    });
    await set(server, 'recorded', 2);
    await rig.sees('recorded', 2);
    expect(rig.samples.map(({ value }) => value)).toEqual([2]);
  });
});
