import { once } from 'node:events';
import { createServer } from 'node:net';
import { stateSchema } from '@fieldline/shared/contracts';
import { describeWith, freePort, mosquitto, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { Brokers } from '../../src/uplink/brokers.ts';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { closing } from '../helpers/closing.ts';
import { startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { listeningLog } from '../helpers/listening-log.ts';
import { startRelay } from '../helpers/relay.ts';

describe('the order of brokers', () => {
  it('goes through the list, says when a round is over, and begins with the first', () => {
    const brokers = new Brokers(['a', 'b', 'c']);
    expect([brokers.moveOn(), brokers.current]).toEqual([false, 'b']);
    expect([brokers.moveOn(), brokers.current]).toEqual([false, 'c']);
    expect(brokers.before('c')).toEqual(['a', 'b']);
    expect([brokers.moveOn(), brokers.current]).toEqual([true, 'a']);
    expect(brokers.before('a')).toEqual([]);
    brokers.use('c');
    brokers.restart();
    expect(brokers.current).toBe('a');
  });

  it('is a round each time where there is only one', () => {
    const brokers = new Brokers('a');
    expect([brokers.moveOn(), brokers.current]).toEqual([true, 'a']);
  });
});

describeWith(mosquitto, 'an uplink with several brokers', () => {
  it('uses the first that takes it, and shows which one', async () => {
    const refusing = closing(await mosquitto.start({ conf: ['allow_anonymous false'] }));
    const gone = `mqtt://127.0.0.1:${await freePort()}`;
    const broker = closing(await mosquitto.start());
    const cloud = closing(await startFakeCloud(broker.url));
    const { lines, log } = listeningLog();
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig([gone, refusing.url, broker.url]), log));
    agent.emit(numbers(0, 5));
    await waitFor(() => storedValues(cloud).length === 5);
    expect(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      expect.stringContaining(`no connection to the broker ${gone}`),
      expect.stringContaining(`the broker ${refusing.url} refused the session`),
    ]);
    expect(lines.find(({ mqtt }) => mqtt !== undefined)?.broker).toBe(broker.url);
    expect(agent.notes().uplink).toBe(`connected to ${broker.url}, 3 of 3`);
    expect(agent.troubles().uplink).toBeUndefined();
    const inUse = (url: string) => agent.metric(`fieldline_uplink_broker_in_use\\{broker="${url}"\\}`);
    expect([await inUse(gone), await inUse(refusing.url), await inUse(broker.url)]).toEqual([0, 0, 1]);
  });

  it('names what is wrong with each when none takes it, once', async () => {
    const refusing = closing(await mosquitto.start({ conf: ['allow_anonymous false'] }));
    const gone = `mqtt://127.0.0.1:${await freePort()}`;
    const { lines, log } = listeningLog();
    const agent = closing(await startTestAgent(temporaryFolder(), edgeConfig([gone, refusing.url]), log));
    await waitFor(() => (refusing.log().match(/not authorised/g) ?? []).length >= 2, { what: 'a second round' });
    expect(agent.troubles().uplink).toContain(`no connection to the broker ${gone}`);
    expect(agent.troubles().uplink).toContain(`the broker ${refusing.url} refused the session`);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('goes on to the next when the first is lost, and returns when that is back; nothing is lost', async () => {
    const first = closing(await mosquitto.start());
    const second = closing(await mosquitto.start());
    const clouds = [closing(await startFakeCloud(first.url)), closing(await startFakeCloud(second.url))] as const;
    const config = edgeConfig([first.url, second.url], { uplink: { returnAfterMs: 500 } });
    const { lines, log } = listeningLog();
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    // Each cloud knows its own broker alone: what the first stored and could not confirm is in both.
    const stored = (): Set<unknown> => new Set(clouds.flatMap((cloud) => storedValues(cloud)));
    let sent = 0;
    const sending = setInterval(() => agent.emit(numbers(sent, ++sent)), 20);
    try {
      await waitFor(() => storedValues(clouds[0]).length > 5);
      await first.kill();
      await waitFor(() => storedValues(clouds[1]).length > 5, { what: 'values at the second broker' });
      await first.start();
      await waitFor(() => agent.notes().uplink?.endsWith('1 of 2'), { what: 'the return' });
      const before = storedValues(clouds[0]).length;
      await waitFor(() => storedValues(clouds[0]).length > before + 5);
    } finally {
      clearInterval(sending);
    }
    await waitFor(() => stored().size === sent);
    expect(lines.flatMap(({ mqtt, broker }) => (mqtt === undefined ? [] : [broker]))).toEqual([
      first.url,
      second.url,
      first.url,
    ]);
    // What is retained where it has left does not say for ever that it is there.
    await waitFor(() => stateSchema.parse(clouds[1].states.at(-1)).reason === 'stopped');
    expect(stateSchema.parse(clouds[0].states.at(-1))).toMatchObject({ online: true, reason: 'running' });
  });

  it('returns within a cluster, whose nodes hand the session over, and suspects nobody', async () => {
    const broker = closing(await mosquitto.start());
    const cloud = closing(await startFakeCloud(broker.url));
    const firstPort = await freePort();
    const config = edgeConfig([`mqtt://127.0.0.1:${firstPort}`, broker.url], { uplink: { returnAfterMs: 200 } });
    const { lines, log } = listeningLog();
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => agent.notes().uplink?.endsWith('2 of 2'));
    closing(await startRelay(broker.port, firstPort));
    await waitFor(() => agent.notes().uplink?.endsWith('1 of 2'), { what: 'the return' });
    agent.emit(numbers(0, 5));
    await waitFor(() => storedValues(cloud).length === 5);
    await waitFor(() => stateSchema.parse(cloud.states.at(-1)).reason === 'running');
    expect(lines.filter(({ msg }) => msg.includes('used twice'))).toEqual([]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('stays where it is while an earlier broker listens and takes nobody', async () => {
    let knocks = 0;
    const silent = createServer((socket) => {
      knocks += 1;
      socket.on('error', () => {});
      socket.once('data', () => socket.end(Buffer.from([0x20, 3, 0, 0x88, 0])));
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closing({ close: async () => void silent.close() });
    const address = silent.address();
    const unfit = `mqtt://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
    const broker = closing(await mosquitto.start());
    const { lines, log } = listeningLog();
    const config = edgeConfig([unfit, broker.url], { uplink: { returnAfterMs: 100 } });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => knocks >= 5);
    expect(lines.filter(({ mqtt }) => mqtt !== undefined)).toHaveLength(1);
    expect(agent.notes().uplink).toContain('2 of 2');
    expect(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      `the broker ${unfit} refused the session: it is not available at the moment; look at the broker`,
    ]);
  });

  it('says at once that a session is lost, also while an earlier broker is being tried', async () => {
    let knocks = 0;
    const silent = createServer((socket) => {
      knocks += 1;
      socket.on('error', () => {}).resume();
    });
    const port = await freePort();
    silent.listen(port, '127.0.0.1');
    await once(silent, 'listening');
    closing({ close: async () => void silent.close() });
    const broker = closing(await mosquitto.start());
    const uplink = { returnAfterMs: 50, connectTimeoutMs: 2_000 };
    const config = edgeConfig([`mqtt://127.0.0.1:${port}`, broker.url], { uplink });
    const agent = closing(await startTestAgent(temporaryFolder(), config));
    await waitFor(() => agent.notes().uplink?.endsWith('2 of 2'));
    const before = knocks;
    await waitFor(() => knocks > before, { what: 'the silent broker to be tried' });
    await broker.kill();
    await waitFor(() => agent.troubles().uplink === 'not connected', { timeoutMs: 1_500 });
    expect(await agent.metric('fieldline_uplink_connected')).toBe(0);
  });

  it('remembers for each broker whether it wants MQTT 3.1.1', async () => {
    const older = closing(await startAedes());
    const newer = closing(await mosquitto.start());
    const { lines, log } = listeningLog();
    const config = edgeConfig([older.url, newer.url]);
    closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt === '3.1.1'));
    await older.close();
    const next = await waitFor(() => lines.find(({ mqtt, broker }) => mqtt !== undefined && broker === newer.url));
    expect(next.mqtt).toBe('5');
  });
});
