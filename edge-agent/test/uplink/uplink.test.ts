import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stateSchema, topicOf } from '@fieldline/shared/contracts';
import { describeWith, freePort, mosquitto, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it, test } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { testGateway } from '../helpers/journal.ts';
import { listeningLog } from '../helpers/listening-log.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const closing = <T extends { close: () => Promise<unknown> }>(part: T): T => {
  closers.push(() => part.close());
  return part;
};

describe('the uplink', () => {
  it('says who it is when it connects, and that it stopped when it is stopped', async () => {
    const broker = closing(await startAedes());
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = await startTestAgent(temporaryFolder(), edgeConfig(broker.url));
    agent.emit(numbers(0, 3));
    await waitFor(() => cloud.births.length > 0 && storedValues(cloud).length === 3);
    const [stream] = cloud.committed.keys();
    const state = stateSchema.parse(cloud.states[0]);
    // A flush may fall between the samples.
    const last = state.streams[0]?.last ?? 0;
    expect(last).toBeGreaterThan(0);
    expect(state).toMatchObject({
      gateway: testGateway,
      online: true,
      reason: 'started',
      confirm: 'cloud',
      streams: [{ stream, first: 1, last, held: [[1, last]] }],
    });
    expect(cloud.births).toEqual([
      {
        v: 1,
        gateway: testGateway,
        part: 1,
        parts: 1,
        devices: [
          {
            device: 'plc1',
            protocol: 'modbus',
            tags: [{ tag: 'level', type: 'float64', unit: 'bar', description: 'Level', minimum: 0, maximum: 10 }],
          },
        ],
      },
    ]);
    await agent.close();
    await waitFor(() => cloud.states.map((state) => stateSchema.parse(state)).some(({ online }) => !online));
    expect(stateSchema.parse(cloud.states.at(-1))).toMatchObject({ online: false, reason: 'stopped' });
  });

  it('falls back to MQTT 3.1.1 where the broker refuses 5', async () => {
    const broker = closing(await startAedes());
    const { lines, log } = listeningLog();
    closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { protocol: '5' } }), log));
    const connected = await waitFor(() => lines.find(({ mqtt }) => mqtt !== undefined));
    expect(connected.mqtt).toBe('3.1.1');
  });

  it('says once what is wrong when there is no broker, and reads on', async () => {
    const { lines, log } = listeningLog();
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig('mqtt://127.0.0.1:1'), log));
    await waitFor(() => agent.troubles().uplink?.includes('ECONNREFUSED'));
    agent.emit(numbers(0, 5));
    await waitFor(async () => (await agent.metric('fieldline_journal_unconfirmed_samples')) === 5);
    expect(lines.filter(({ code }) => code === 'broker/unreachable').map(({ level }) => level)).toEqual(['error']);
    expect(agent.troubles().uplink).toContain('check uplink.broker');
    expect(lines.filter(({ err }) => err !== undefined)).toEqual([]);
  });
});

describe('a broker that takes the connection and says nothing', () => {
  it('does not keep the agent from stopping', async () => {
    const silent = createServer(() => {});
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => {
        const address = silent.address();
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
    const connected = once(silent, 'connection');
    const config = edgeConfig(`mqtt://127.0.0.1:${port}`, { uplink: { connectTimeoutMs: 3_600_000 } });
    const agent = await startTestAgent(temporaryFolder(), config);
    await connected;
    await agent.close();
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  });

  it('is tried with the older MQTT version when it hangs up twice without an answer', async () => {
    const rude = createServer((socket) => socket.once('data', () => socket.destroy()));
    const port = await freePort();
    await new Promise<void>((resolve) => rude.listen(port, '127.0.0.1', () => resolve()));
    const { lines, log } = listeningLog();
    const agent = await startTestAgent(temporaryFolder(), edgeConfig(`mqtt://127.0.0.1:${port}`), log);
    await waitFor(() => lines.some(({ msg }) => msg.includes('trying 3.1.1')));
    await waitFor(() => agent.troubles().uplink?.includes('before the broker answered'));
    await agent.close();
    await new Promise<void>((resolve) => rude.close(() => resolve()));
  });
});

test('a broker that hangs up once without an answer is not taken for an older one', async () => {
  const levels: number[] = [];
  // The level stands behind the fixed header and the name MQTT (MQTT 5 clause 3.1.2.2).
  const restarting = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (connect) => {
      levels.push(connect[connect.indexOf('MQTT') + 4] ?? 0);
      if (levels.length === 1) socket.destroy();
      else socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => restarting.listen(port, '127.0.0.1', () => resolve()));
  const { lines, log } = listeningLog();
  const agent = await startTestAgent(temporaryFolder(), edgeConfig(`mqtt://127.0.0.1:${port}`), log);
  await waitFor(() => lines.some(({ mqtt }) => mqtt === '5'));
  expect(levels).toEqual([5, 5]);
  expect(lines.filter(({ msg }) => msg.includes('3.1.1'))).toEqual([]);
  await agent.close();
  await new Promise<void>((resolve) => restarting.close(() => resolve()));
});

describe('a broker that gives the session to another client', () => {
  it('says so with MQTT 5, and the agent asks whether its id is used twice', async () => {
    const connack = [0x20, 3, 0, 0, 0];
    const disconnect = [0xe0, 1, 0x8e];
    const taking = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(Buffer.from([...connack, ...disconnect])));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => taking.listen(port, '127.0.0.1', () => resolve()));
    const { lines, log } = listeningLog();
    const agent = await startTestAgent(temporaryFolder(), edgeConfig(`mqtt://127.0.0.1:${port}`), log);
    const said = await waitFor(() => lines.find(({ code }) => code === 'broker/refused'));
    expect(said.msg).toContain('another client took the session');
    expect(said.msg).toContain(`is gateway id ${testGateway} (or uplink.clientId) used twice?`);
    expect(agent.troubles().uplink).toContain(said.msg);
    expect(lines.filter(({ msg }) => msg.includes('subscribe'))).toEqual([]);
    await agent.close();
    await new Promise<void>((resolve) => taking.close(() => resolve()));
  });
});

describeWith(mosquitto, 'the uplink to Mosquitto', () => {
  it('speaks MQTT 5 or 3.1.1 as set', async () => {
    const broker = closing(await mosquitto.start());
    for (const protocol of ['5', '3.1.1'] as const) {
      const { lines, log } = listeningLog();
      const agent = await startTestAgent(temporaryFolder(), edgeConfig(broker.url, { uplink: { protocol } }), log);
      const connected = await waitFor(() => lines.find(({ mqtt }) => mqtt !== undefined));
      expect(connected.mqtt).toBe(protocol);
      await agent.close();
    }
  });

  it('stays within the receive maximum of the broker, whatever it may have in flight itself', async () => {
    const broker = closing(await mosquitto.start({ conf: ['max_inflight_messages 2', 'max_queued_messages 100000'] }));
    const cloud = closing(await startFakeCloud(broker.url));
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: { maxInFlight: 500, maxBatchBytes: 1_000 } });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt === '5'));
    agent.emit(numbers(0, 20_000));
    await waitFor(() => storedValues(cloud).length === 20_000);
    expect(lines.filter(({ mqtt }) => mqtt !== undefined)).toHaveLength(1);
  });

  it('names user and setting when the password is wrong, goes on trying, and connects when it is mended', async () => {
    const folder = temporaryFolder();
    const users = join(folder, 'users');
    writeFileSync(users, '');
    execFileSync('mosquitto_passwd', ['-b', users, 'agent', 'right']);
    const broker = closing(await mosquitto.start({ conf: ['allow_anonymous false', `password_file ${users}`] }));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'wrong\n');
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: { username: 'agent', passwordFile: 'password' } });
    const agent = closing(await startTestAgent(folder, config, log));
    const refused = await waitFor(() => lines.find(({ code }) => code === 'broker/refused'));
    expect(refused.msg).toMatch(/user agent .*uplink\.passwordFile/);
    expect(agent.troubles().uplink).toMatch(/passwordFile; the next try is in \d+ s$/);
    writeFileSync(passwordFile, 'right\n');
    await waitFor(() => agent.troubles().uplink === undefined);
  });

  it('leaves a will: the state says lost when the connection breaks', async () => {
    const broker = closing(await mosquitto.start());
    const cloud = closing(await startFakeCloud(broker.url));
    closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url)));
    await waitFor(() => cloud.states.length > 0);
    // Another session of the same client id: the broker breaks the first one off and publishes its will.
    const thief = await connectAsync(broker.url, { clientId: `fieldline-edge-${testGateway}`, reconnectPeriod: 0 });
    const lost = await waitFor(() =>
      cloud.states.map((state) => stateSchema.parse(state)).find(({ reason }) => reason === 'lost'),
    );
    expect(lost).toMatchObject({ online: false, streams: [{ first: 1 }] });
    await thief.endAsync(true);
    await waitFor(() => stateSchema.parse(cloud.states.at(-1)).online, { what: 'the agent to be back' });
  });

  it('asks whether the id is used twice when two agents throw each other out', async () => {
    const broker = closing(await mosquitto.start());
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: { protocol: '3.1.1' } });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    closing(await startTestAgent(temporaryFolder(), config));
    const said = await waitFor(() => lines.find(({ code }) => code === 'broker/refused'));
    expect(said.msg).toContain('perhaps another client takes it');
    expect(said.msg).toContain(`is gateway id ${testGateway} (or uplink.clientId) used twice?`);
    expect(said.err).toBeUndefined();
    expect(agent.troubles().uplink).toContain(said.msg);
    // Still, when it has the session back for a moment.
    const connects = () => lines.filter(({ mqtt }) => mqtt !== undefined).length;
    const before = connects();
    await waitFor(() => connects() > before);
    expect(agent.troubles().uplink).toBe(said.msg);
  });

  it('keeps nothing of its own in the topics: what it states is retained, what it sends is not', async () => {
    const broker = closing(await mosquitto.start());
    const cloud = closing(await startFakeCloud(broker.url));
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig(broker.url)));
    agent.emit(numbers(0, 5));
    await waitFor(() => storedValues(cloud).length === 5);
    const late = await connectAsync(broker.url);
    closers.push(() => late.endAsync(true));
    const seen: string[] = [];
    late.on('message', (topic, _bytes, { retain }) => {
      if (retain) seen.push(topic);
    });
    // An acknowledgement that comes while we are here is not marked as retained: each subscription brings what is.
    await waitFor(async () => {
      await late.subscribeAsync('fieldline/#');
      return seen.includes(topicOf(testGateway, 'ack'));
    });
    expect(new Set(seen)).toEqual(new Set([topicOf(testGateway, 'state'), topicOf(testGateway, 'ack')]));
  });
});
