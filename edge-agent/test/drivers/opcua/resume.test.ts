import { qualityName } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { type Line, startLine } from './peers/cut-line.ts';
import { type ServerSettings, startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
const servers: TestServer[] = [];
const lines: Line[] = [];

afterEach(async () => {
  for (const line of lines.splice(0)) line.close();
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

const nodes = [plantNode('level', 'Double', 1), plantNode('state', 'String', 'on')];
const tags = [tagOf('level'), tagOf('state', 'string')];

/** A driver behind a line to a server, connected. */
async function connected(settings: Partial<ServerSettings> = {}, queueSize = 100) {
  const server = await startServer({ nodes, ...settings });
  servers.push(server);
  const line = await startLine(server.settings.port);
  lines.push(line);
  const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags, samplingMs: 0, queueSize });
  await rig.sees('level', 1);
  await rig.sees('state', 'on');
  const written: number[] = [];
  /** Each later than the one before, as the clock of a server is. */
  const write = async (value: number): Promise<void> => {
    await waitFor(() => Date.now() > (written.at(-1) ?? 0), { what: 'the next millisecond' });
    const sourceTimeMs = Date.now();
    written.push(sourceTimeMs);
    await server.ask({ do: 'set', name: 'level', dataType: 'Double', value, sourceTimeMs });
  };
  return { server, line, rig, write, written };
}

/** The samples of the tag at the times when the server changed it: one each. */
const expectEachOnce = (rig: Rig, written: readonly number[]): void => {
  const times = rig.of('level').map(({ time }) => time);
  expect(written.map((ms) => times.filter((time) => time === ms * 1_000).length)).toEqual(written.map(() => 1));
};

const qualities = (rig: Rig, tag: string): string[] => rig.of(tag).map(({ quality }) => qualityName(quality));

describe('a line that is cut, to a server that lives on', () => {
  test('for a moment: the session goes on, nothing is lost or doubled, and no tag was ever bad', async () => {
    const { server, line, rig, write, written } = await connected();
    for (let round = 10; round < 14; round++) {
      const { length } = written;
      await write(round);
      await rig.sees('level', round);
      line.cut();
      await write(round + 0.25);
      await write(round + 0.5);
      await rig.sees('level', round + 0.5);
      expect(written.length).toBe(length + 3);
    }
    await waitFor(async () => (await rig.metric('fieldline_opcua_resumes_total')) === 4, {
      what: 'the fourth resumption',
    });
    expectEachOnce(rig, written);
    expect(qualities(rig, 'level').filter((quality) => quality !== 'good')).toEqual([]);
    expect(rig.of('state')).toHaveLength(1);
    expect(rig.declared).toEqual([]);
    expect(await rig.metric('fieldline_opcua_abandoned_sessions_total')).toBe(0);
    expect(await server.ask({ do: 'sessions' })).toBe(1);
    expect(await server.ask({ do: 'subscriptions' })).toBe(1);
  });

  test('for longer: the tags are bad since the server was last heard; then what it has kept comes, and what did not change is good again', async () => {
    const { line, rig, write, written } = await connected();
    await write(2);
    await rig.sees('level', 2);
    line.takeDown();
    await rig.turns('level', 'bad/not-connected');
    for (const value of [3, 4, 5, 6]) await write(value);
    line.restore();
    await rig.sees('level', 6);
    await rig.turns('state', 'good');
    expectEachOnce(rig, written);
    expect(qualities(rig, 'state')).toEqual(['good', 'bad/not-connected', 'good']);
    const [said, bad, again] = rig.of('state');
    expect(again).toEqual({ ...said, time: (bad?.time ?? 0) + 1 });
    const times = rig.of('level').map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(rig.declared).toEqual([]);
  });

  test('after it lost what the server sent: the server is asked for these messages, in their order', async () => {
    const { server, line, rig, write, written } = await connected();
    line.lose();
    for (const value of [2, 3, 4]) {
      await write(value);
      const sent = written.length;
      await waitFor(async () => Number(await server.ask({ do: 'values-sent' })) >= sent + 2, {
        what: 'a message to be sent',
      });
    }
    line.cut();
    await rig.sees('level', 4);
    expectEachOnce(rig, written);
    expect(rig.of('level').map(({ value }) => value)).toEqual([1, 2, 3, 4]);
    expect(await rig.metric('fieldline_opcua_republished_total')).toBeGreaterThanOrEqual(3);
    expect(rig.declared).toEqual([]);
  });
});

describe('a server that has ended the session', () => {
  test('but kept the subscription: a new session takes it over, and nothing is lost or doubled', async () => {
    const { server, line, rig, write, written } = await connected({ transferable: true });
    await write(2);
    await rig.sees('level', 2);
    line.takeDown();
    await server.ask({ do: 'close-sessions', keepSubscriptions: true });
    for (const value of [3, 4, 5]) await write(value);
    line.restore();
    await rig.sees('level', 5);
    expectEachOnce(rig, written);
    expect(await rig.metric('fieldline_opcua_transfers_total')).toBe(1);
    expect(await rig.metric('fieldline_opcua_abandoned_sessions_total')).toBe(1);
    expect(await server.ask({ do: 'sessions' })).toBe(1);
    expect(await server.ask({ do: 'subscriptions' })).toBe(1);
    expect(rig.declared).toEqual([]);
  });

  test('and does not hand over the subscription: it is made anew', async () => {
    const { server, line, rig, write } = await connected({ transferable: false });
    await write(2);
    await rig.sees('level', 2);
    line.takeDown();
    await server.ask({ do: 'close-sessions', keepSubscriptions: true });
    line.restore();
    await write(3);
    await rig.sees('level', 3);
    await rig.turns('state', 'good');
    expect(await rig.metric('fieldline_opcua_transfers_total')).toBe(0);
    expect(await rig.metric('fieldline_opcua_resumes_total')).toBe(0);
    expect(await server.ask({ do: 'sessions' })).toBe(1);
  });
});
