import { qualityName } from '@fieldline/shared/contracts';
import { freePort, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { plantNode, type Rig, tagOf, useRigs } from './harness.ts';
import { startLine } from './peers/cut-line.ts';
import { type ServerSettings, startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
/** Of these no request is under way when a line is cut. Where one is, its subscription is made anew and not resumed. */
const patientRigFor = useRigs({ retryNodes: { firstMs: 600_000, maxMs: 600_000 } });
const servers: TestServer[] = [];

async function serverWith(settings: Partial<ServerSettings>): Promise<TestServer> {
  const server = await startServer(settings);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

const nodes = [plantNode('level', 'Double', 1), plantNode('count', 'UInt32', 7), plantNode('state', 'String', 'on')];
const tags = [tagOf('level'), tagOf('count', 'uint32'), tagOf('state', 'string')];
const names = tags.map(({ tag }) => tag);

const qualities = (rig: Rig, tag: string): string[] => rig.of(tag).map(({ quality }) => qualityName(quality));
/** Every value that the server sent is there once: no two samples of a tag have one time. */
const expectNoDoubles = (rig: Rig): void => {
  const seen = rig.samples.map(({ tag, time }) => `${tag.tag} ${time}`);
  expect(seen.filter((each, position) => seen.indexOf(each) !== position)).toEqual([]);
};
const set = (server: TestServer, name: string, dataType: string, value: unknown): Promise<unknown> =>
  server.ask({ do: 'set', name, dataType, value, sourceTimeMs: Date.now() });

describe('a server that cannot be reached', () => {
  test('turns each tag bad once, says what to do, and its values come when it starts', async () => {
    const port = await freePort();
    const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${port}/plant`, tags });
    for (const name of names) await rig.turns(name, 'bad/not-connected');
    const [status] = rig.driver.status();
    expect(status).toMatchObject({ device: 'server1', state: 'disconnected' });
    expect(status?.trouble).toBe(
      `nothing listens at opc.tcp://127.0.0.1:${port}/plant: start the server, or correct host and port`,
    );
    await serverWith({ port, nodes });
    await rig.sees('level', 1);
    await rig.sees('state', 'on');
    for (const name of names) expect(qualities(rig, name)).toEqual(['bad/not-connected', 'good']);
    expect(rig.driver.status()).toEqual([{ device: 'server1', state: 'connected', trouble: null }]);
  });

  test('does not hold up closing', async () => {
    const rig = rigFor({ endpoint: 'opc.tcp://127.0.0.1:1/none', tags });
    await rig.turns('level', 'bad/not-connected');
    await rig.driver.close();
    await rig.driver.close();
    expect(rig.of('level')).toHaveLength(1);
  });
});

describe('a server that is killed and started again', () => {
  test('with its namespaces in another order: one session, tags bad in between, values again, none doubled', async () => {
    const first = await serverWith({ nodes, namespaces: ['urn:plant', 'urn:other'] });
    const rig = rigFor({ endpoint: first.endpoint, tags });
    await rig.sees('level', 1);
    await set(first, 'level', 'Double', 2);
    await rig.sees('level', 2);
    await first.kill();
    for (const name of names) await rig.turns(name, 'bad/not-connected');

    const { port, folder } = first.settings;
    const again = [...nodes, { ...plantNode('level', 'Double', -1), namespace: 'urn:other' }];
    const second = await serverWith({ port, folder, nodes: again.reverse(), namespaces: ['urn:other', 'urn:plant'] });
    await rig.sees('count', 7);
    await rig.sees('level', 1);
    await set(second, 'count', 'UInt32', 8);
    await rig.sees('count', 8);
    expect(await second.ask({ do: 'sessions' })).toBe(1);
    expect(await second.ask({ do: 'subscriptions' })).toBe(1);
    expect(qualities(rig, 'state')).toEqual(['good', 'bad/not-connected', 'good']);
    expectNoDoubles(rig);
  });

  test('three times over still has one session and one subscription', async () => {
    let server = await serverWith({ nodes });
    const { port, folder } = server.settings;
    const rig = rigFor({ endpoint: server.endpoint, tags });
    for (let round = 10; round < 13; round++) {
      await rig.turns('level', 'good');
      await set(server, 'level', 'Double', round);
      await rig.sees('level', round);
      await server.kill();
      await rig.turns('level', 'bad/not-connected');
      server = await serverWith({ port, folder, nodes });
    }
    await rig.turns('state', 'good');
    expect(await server.ask({ do: 'sessions' })).toBe(1);
    expect(await server.ask({ do: 'subscriptions' })).toBe(1);
    expectNoDoubles(rig);
    expect(await rig.metric('fieldline_opcua_losses_total')).toBe(3);
  });
});

describe('a server that lives on', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ nodes });
  });
  afterAll(() => server.kill());
  const expectOneSession = async (): Promise<void> => {
    await waitFor(async () => (await server.ask({ do: 'sessions' })) === 1, { what: 'one session' });
    expect(await server.ask({ do: 'subscriptions' })).toBe(1);
  };

  test('but closes our session: an unchanged value is good again at a later time, and one session is left', async () => {
    const rig = rigFor({ endpoint: server.endpoint, tags });
    for (const name of names) await rig.turns(name, 'good');
    await server.ask({ do: 'close-sessions' });
    for (const name of names) {
      const samples = await waitFor(() => rig.of(name).length === 3 && rig.of(name), {
        what: `${name} to be good again`,
      });
      expect(qualities(rig, name)).toEqual(['good', 'bad/not-connected', 'good']);
      expect(samples[2]?.value).toBe(samples[0]?.value);
      const times = samples.map(({ time }) => time);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    await set(server, 'level', 'Double', 3);
    await rig.sees('level', 3);
    await expectOneSession();
    expectNoDoubles(rig);
  });

  test('but does not answer any more is noticed, and one session is left when it answers again', async () => {
    const rig = rigFor({ endpoint: server.endpoint, timeoutMs: 500, tags });
    await rig.turns('level', 'good');
    server.freeze();
    await rig.turns('level', 'bad/not-connected');
    expect(rig.driver.status()[0]?.trouble).toMatch(/silent for \d+ ms|did not answer within 500 ms/);
    server.thaw();
    await rig.turns('level', 'good');
    await set(server, 'level', 'Double', 4);
    await rig.sees('level', 4);
    await expectOneSession();
    expectNoDoubles(rig);
  });

  test('and is quiet for longer than the time-out stays connected', async () => {
    const rig = rigFor({ endpoint: server.endpoint, timeoutMs: 500, publishingMs: 1_500, tags });
    await rig.turns('state', 'good');
    const before = rig.samples.length;
    for (const state of ['quiet', 'still here']) {
      await set(server, 'state', 'String', state);
      await rig.sees('state', state);
    }
    expect(rig.samples.slice(before).filter(({ value }) => value === null)).toEqual([]);
  });

  test('carries the devices on its endpoint in one session, a subscription each', async () => {
    const rig = rigFor(
      { endpoint: server.endpoint, tags: [tagOf('level')] },
      { endpoint: server.endpoint, tags: [tagOf('state', 'string')] },
    );
    await rig.turns('level', 'good');
    await rig.turns('state', 'good');
    expect(await server.ask({ do: 'sessions' })).toBe(1);
    expect(await server.ask({ do: 'subscriptions' })).toBe(2);
    const states = rig.driver.status().map(({ device, state }) => `${device} ${state}`);
    expect(states).toEqual(['server1 connected', 'server2 connected']);
    await rig.driver.close();
    expect(await server.ask({ do: 'sessions' })).toBe(0);
    expect(await server.ask({ do: 'subscriptions' })).toBe(0);
  });
});

describe('nodes that the server refuses', () => {
  test('do not stop the others; each is bad with its reason, and good when the server has it', async () => {
    const server = await serverWith({ nodes });
    const rig = rigFor({
      endpoint: server.endpoint,
      tags: [
        ...tags,
        tagOf('missing'),
        tagOf('elsewhere', 'float64', 'nsu=urn:nowhere;s=level'),
        tagOf('odd', 'float64', 'g=09087e75-8e5e-499b-954f-f2a9603db28a'),
      ],
    });
    for (const name of ['missing', 'elsewhere', 'odd']) await rig.turns(name, 'bad/address');
    for (const name of names) await rig.turns(name, 'good');
    const [status] = rig.driver.status();
    expect(status?.state).toBe('connected');
    expect(status?.trouble).toMatch(/^the server refuses 3 of 6 nodes/);
    expect(await rig.metric('fieldline_opcua_refused_items')).toBe(3);

    await server.ask({ do: 'add', node: plantNode('missing', 'Double', 5) });
    await rig.sees('missing', 5);
    await waitFor(async () => (await rig.metric('fieldline_opcua_refused_items')) === 2, { what: 'two refused nodes' });
    expect(qualities(rig, 'missing')).toEqual(['bad/address', 'good']);
    expect(qualities(rig, 'elsewhere')).toEqual(['bad/address']);
  });

  test('since it was restarted without them are bad again after an outage of the line, and were never good', async () => {
    const first = await serverWith({ nodes });
    const line = await startLine(first.settings.port);
    onTestFinished(line.close);
    const rig = patientRigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags });
    for (const name of names) await rig.turns(name, 'good');
    await first.kill();
    await rig.turns('level', 'bad/not-connected');
    const { port, folder } = first.settings;
    await serverWith({ port, folder, nodes: nodes.slice(1) });
    await rig.turns('level', 'bad/address');
    await rig.turns('state', 'good');
    line.takeDown();
    await rig.turns('level', 'bad/not-connected');
    line.restore();
    await rig.turns('state', 'good');
    await rig.turns('level', 'bad/address');
    expect(await rig.metric('fieldline_opcua_resumes_total')).toBe(1);
    const notConnected = 'bad/not-connected';
    expect(qualities(rig, 'level')).toEqual(['good', notConnected, 'bad/address', notConnected, 'bad/address']);
    expect(qualities(rig, 'state')).toEqual(['good', notConnected, 'good', notConnected, 'good']);
  });

  test('by their number are asked for in smaller calls, whether the server tells its limit or not', async () => {
    const many = Array.from({ length: 40 }, (_, position) => plantNode(`n${position}`, 'Double', position));
    for (const tellLimits of [true, false]) {
      const server = await serverWith({ nodes: many, itemsPerCall: 7, tellLimits });
      const rig = rigFor({ endpoint: server.endpoint, tags: many.map(({ name }) => tagOf(name)) });
      for (const { name, value } of many) await rig.sees(name, Number(value));
      expect(rig.samples.filter(({ value }) => value === null)).toEqual([]);
    }
  });
});
