/** An agent that is killed while it reads what was missed: whatever the server has recorded is in the journal once, the rest is declared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Declaration } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import { describeWith, freePort, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { imageOf } from '../../helpers/folder.ts';
import { allBatches, openJournal, testGateway } from '../../helpers/journal.ts';
import { plantNode } from './harness.ts';
import { type AsyncuaNode, type AsyncuaServer, asyncua, useAsyncua } from './peers/asyncua.ts';
import { type Line, startLine } from './peers/cut-line.ts';

const program = new URL('../../../src/main.ts', import.meta.url).pathname;
const serverWith = useAsyncua();
const agents: ChildProcess[] = [];
const lines: Line[] = [];

afterEach(async () => {
  for (const line of lines.splice(0)) line.close();
  for (const agent of agents.splice(0)) await kill(agent);
});

async function kill(agent: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const exited = once(agent, 'exit');
  agent.kill(signal);
  await exited;
}

/** Started as often as asked for, always with the same folder, and without a broker: all that it reads stays in its journal. */
async function gateway(endpoint: string, tags: readonly string[]) {
  const folder = temporaryFolder();
  const port = await freePort();
  const file = join(folder, 'edge.yaml');
  const settings = {
    gateway: testGateway,
    uplink: { broker: 'mqtt://127.0.0.1:1' },
    journal: { folder: 'journal', flushMs: 400, survives: 'process-crash' },
    http: { port },
    devices: [
      {
        device: 'server',
        protocol: 'opcua',
        endpoint,
        security: { policy: 'None', mode: 'None' },
        publishingMs: 50,
        samplingMs: 20,
        tags: tags.map((tag, position) => ({ tag, node: `nsu=urn:plant;i=${position + 7}` })),
      },
    ],
  };
  writeFileSync(file, JSON.stringify(settings));
  const start = (): ChildProcess => {
    const agent = spawn(process.execPath, [program, 'run', '--config', file], { stdio: 'ignore' });
    agents.push(agent);
    return agent;
  };
  const metric = async (name: string): Promise<number> => {
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    );
    const line = text.split('\n').find((each) => each.startsWith(`${name}{device="server"}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  const reaches = (name: string, least: number): Promise<boolean> =>
    waitFor(async () => (await metric(name)) >= least, { what: `${name} to be ${least}` });
  /** As a kill at this moment would leave it. */
  const inJournal = () => {
    const journal = openJournal(imageOf(join(folder, 'journal')));
    const batches = allBatches(journal);
    journal.close();
    const samples = batches.flatMap(({ tags: named, tagIndex, time, value }) =>
      tagIndex.map((index, position) => ({ tag: named[index]?.tag, time: time[position], value: value[position] })),
    );
    return { samples, declared: batches.flatMap((batch): readonly Declaration[] => batch.declared) };
  };
  return { start, metric, reaches, inJournal };
}

type Gateway = Awaited<ReturnType<typeof gateway>>;

const numbered = (names: readonly string[], value: number): AsyncuaNode[] =>
  names.map((name, position) => ({ ...plantNode(name, 'Double', value), value, id: position + 7 }));

/** The agent hears three values, then the line is down while the server changes its value and is started again, with other nodes. */
async function outage(options: {
  readonly changes: number;
  readonly tags: readonly string[];
  readonly history: boolean;
  /** Nodes that the server has when it is back. */
  readonly back?: readonly string[];
}) {
  const { changes, tags, history, back = ['level'] } = options;
  const settings = {
    namespaces: ['urn:plant'],
    nodes: numbered(tags, 0.5),
    valuesPerAnswer: 4,
    ...(history ? { history: join(temporaryFolder(), 'history.db') } : {}),
  };
  const first = await serverWith(settings);
  const line = await startLine(first.port);
  lines.push(line);
  const edge = await gateway(`opc.tcp://127.0.0.1:${line.port}/plant`, tags);
  const agent = edge.start();
  await edge.reaches('fieldline_opcua_values_total', tags.length);
  const written: { readonly value: number; readonly time: number }[] = [];
  const write = async (server: AsyncuaServer, value: number): Promise<void> => {
    const sourceMicros = Date.now() * 1_000 + value;
    written.push({ value, time: sourceMicros });
    await server.set({ name: 'level', dataType: 'Double', value, sourceMicros });
    if (history)
      await waitFor(async () => (await server.recorded('level')) > value, { what: `${value} to be recorded` });
  };
  for (const value of [1, 2, 3]) {
    await write(first, value);
    await edge.reaches('fieldline_opcua_values_total', tags.length + value);
  }
  line.takeDown();
  for (let value = 4; value < 4 + changes; value++) await write(first, value);
  await first.kill();
  const startAgain = (names: readonly string[]): Promise<AsyncuaServer> =>
    serverWith({ ...settings, port: first.port, nodes: numbered(names, 999) });
  const second = await startAgain(back);
  line.restore();
  return { edge, agent, written, second, startAgain };
}

/** Lets the agent go on until nothing waits any more, and a last value has come. */
async function goOnToTheEnd(edge: Gateway, server: AsyncuaServer): Promise<void> {
  const agent = edge.start();
  await edge.reaches('fieldline_opcua_values_total', 1);
  const before = await edge.metric('fieldline_opcua_values_total');
  await server.set({ name: 'level', dataType: 'Double', value: 1_000, sourceMicros: Date.now() * 1_000 });
  await edge.reaches('fieldline_opcua_values_total', before + 1);
  await waitFor(async () => (await edge.metric('fieldline_opcua_gaps_waiting')) === 0, { what: 'nothing to wait' });
  await kill(agent, 'SIGTERM');
}

const timesOf = (samples: ReturnType<Gateway['inJournal']>['samples'], value: number): number[] =>
  samples.flatMap((each) => (each.tag === 'level' && each.value === value ? [Number(each.time)] : []));

describeWith(asyncua, 'an agent that is killed', () => {
  test('twice while it reads the history of an outage reads on after the start: each value is there once', async () => {
    const { edge, agent, written, second } = await outage({ changes: 60, tags: ['level'], history: true });
    // The first answer waits for its flush, and so does the value that has ended the gap.
    await edge.reaches('fieldline_opcua_history_values_total', 1);
    await kill(agent);
    const again = edge.start();
    // The first answers are in the journal, the last waits.
    await edge.reaches('fieldline_opcua_history_values_total', 12);
    await kill(again);
    await goOnToTheEnd(edge, second);
    const { samples, declared } = edge.inJournal();
    const often = written.map(({ value, time }) => [
      value,
      timesOf(samples, value).filter((each) => each === time).length,
    ]);
    expect(often).toEqual(written.map(({ value }) => [value, 1]));
    expect(timesOf(samples, 999)).toHaveLength(1);
    expect(timesOf(samples, 1_000)).toHaveLength(1);
    expect(declared.filter(({ reason }) => reason === 'outage')).toEqual([]);
  }, 240_000);

  test('or stopped, while the server has the node no more, reads the history when it has it again', async () => {
    const { edge, agent, written, second, startAgain } = await outage({
      ...{ changes: 3, tags: ['level'], history: true },
      back: [],
    });
    const refusals = () => edge.inJournal().samples.filter(({ value }) => value === null).length;
    await waitFor(() => refusals() > 1, { what: 'the node to be lost, and then refused' });
    await kill(agent, 'SIGTERM');
    const again = edge.start();
    await edge.reaches('fieldline_opcua_connects_total', 1);
    await kill(again);
    await second.kill();
    await goOnToTheEnd(edge, await startAgain(['level']));
    const { samples, declared } = edge.inJournal();
    const often = written.map(({ value, time }) => timesOf(samples, value).filter((each) => each === time).length);
    expect(often).toEqual(written.map(() => 1));
    expect(declared.filter(({ reason }) => reason === 'outage')).toEqual([]);
  }, 240_000);

  test('leaves no time undeclared until its server, which has no history, is heard again', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: numbered(['level'], 0.5) });
    const edge = await gateway(`opc.tcp://127.0.0.1:${server.port}/plant`, ['level']);
    const written: { readonly value: number; readonly time: number }[] = [];
    const write = async (): Promise<void> => {
      const [value, time] = [written.length + 1, Date.now() * 1_000];
      written.push({ value, time });
      await server.set({ name: 'level', dataType: 'Double', value, sourceMicros: time });
      // Slower than it is sampled.
      await pause(100);
    };
    const agent = edge.start();
    await edge.reaches('fieldline_opcua_values_total', 1);
    while (timesOf(edge.inJournal().samples, 3).length === 0) await write();
    await kill(agent);
    const again = edge.start();
    while ((await edge.metric('fieldline_opcua_values_total')) < 10) await write();
    await waitFor(async () => (await edge.metric('fieldline_opcua_gaps_waiting')) === 0, { what: 'nothing to wait' });
    await kill(again, 'SIGTERM');
    const { samples, declared } = edge.inJournal();
    const lost = declared.flatMap((each) => (each.kind === 'series' ? [each] : []));
    const missed = written.filter(({ value }) => timesOf(samples, value).length === 0);
    expect(missed.length).toBeGreaterThan(0);
    for (const { value, time } of missed)
      expect(
        lost.some(({ from, to }) => from <= time && time <= to),
        `${value} of ${time} in ${JSON.stringify(lost)}`,
      ).toBe(true);
  }, 240_000);

  test('before it has declared what no history has declares it after the start, once', async () => {
    const { edge, agent, written, second } = await outage({ changes: 3, tags: ['level', 'gone'], history: false });
    // The other node is not there any more, and may still come: so nothing is declared for some seconds.
    await edge.reaches('fieldline_opcua_values_total', 6);
    await waitFor(() => timesOf(edge.inJournal().samples, 999).length > 0, {
      what: 'the value after the outage to be flushed',
    });
    await kill(agent);
    await goOnToTheEnd(edge, second);
    const { samples, declared } = edge.inJournal();
    const outages = declared.filter(
      (each) => each.kind === 'series' && each.reason === 'outage' && each.tag === 'level',
    );
    expect(outages).toHaveLength(1);
    const [loss] = outages;
    if (loss?.kind !== 'series') throw new Error('no span');
    const missed = written.filter(({ value }) => timesOf(samples, value).length === 0);
    expect(missed.map(({ value }) => value)).toEqual([4, 5, 6]);
    for (const { time } of missed) expect(loss.from <= time && time <= loss.to).toBe(true);
    expect(loss.to).toBe(timesOf(samples, 999)[0]);
  }, 240_000);
});
