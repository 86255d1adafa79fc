import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { keepalivesForAnswer, Liveness, looksPerKeepalive, type Verdict } from '../../src/uplink/liveness.ts';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { closing } from '../helpers/closing.ts';
import { startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { listeningLog } from '../helpers/listening-log.ts';
import { startRelay } from '../helpers/relay.ts';

const looks = (liveness: Liveness, count: number, unanswered = 0): Verdict[] =>
  Array.from({ length: count }, () => liveness.look(unanswered));

describe('liveness', () => {
  it('asks for a sign of life after half a keepalive, and gives up after a whole one', () => {
    const verdicts = looks(new Liveness(), looksPerKeepalive);
    expect(verdicts.indexOf('ask')).toBe(looksPerKeepalive / 2 - 1);
    expect(verdicts.indexOf('dead')).toBe(looksPerKeepalive - 1);
  });

  it('is not deceived by what we send ourselves', () => {
    const liveness = new Liveness();
    const verdicts = Array.from({ length: looksPerKeepalive }, () => {
      liveness.said();
      return liveness.look(5);
    });
    expect(verdicts.at(-1)).toBe('dead');
  });

  it('says something to a broker that talks by itself, which would miss us otherwise', () => {
    const liveness = new Liveness();
    const verdicts = Array.from({ length: looksPerKeepalive }, () => {
      liveness.heard();
      return liveness.look(0);
    });
    expect(verdicts.indexOf('ask')).toBe(looksPerKeepalive / 2 - 1);
    expect(verdicts).not.toContain('dead');
  });

  it('gives a broker that answers pings, but no publish, several keepalives', () => {
    const liveness = new Liveness();
    const verdicts = Array.from({ length: keepalivesForAnswer * looksPerKeepalive }, () => {
      liveness.heard();
      return liveness.look(1);
    });
    expect(verdicts.indexOf('stuck')).toBe(keepalivesForAnswer * looksPerKeepalive - 1);
    liveness.answered();
    expect(liveness.look(1)).not.toBe('stuck');
  });
});

const keepaliveMs = 1_000;

describeWith(mosquitto, 'a link that dies without a word', () => {
  it('is noticed within a keepalive when nothing is sent', async () => {
    const broker = closing(await mosquitto.start());
    const relay = closing(await startRelay(broker.port));
    const { lines, log } = listeningLog();
    const config = edgeConfig(`mqtt://127.0.0.1:${relay.port}`, { uplink: { keepaliveMs } });
    const agent = closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => lines.some(({ mqtt }) => mqtt !== undefined));
    relay.swallow();
    const swallowedMs = performance.now();
    await waitFor(async () => (await agent.metric('fieldline_uplink_dead_links_total')) === 1);
    // The slack is that of a busy machine.
    expect(performance.now() - swallowedMs).toBeLessThan(keepaliveMs + 3_000);
    const said = lines.find(({ code }) => code === 'broker/unreachable');
    expect(said?.msg).toContain('nothing was heard from it for 1000 ms (uplink.keepaliveMs)');
    await waitFor(() => lines.filter(({ mqtt }) => mqtt !== undefined).length === 2, { what: 'another session' });
  });

  it('stays the same session as long as it lives, however little is sent', async () => {
    const broker = closing(await mosquitto.start({ conf: ['log_type all'] }));
    const { lines, log } = listeningLog();
    const config = edgeConfig(broker.url, { uplink: { keepaliveMs: 400 } });
    closing(await startTestAgent(temporaryFolder(), config, log));
    await waitFor(() => (broker.log().match(/Received PINGREQ/g) ?? []).length > 10);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(lines.filter(({ mqtt }) => mqtt !== undefined)).toHaveLength(1);
  });

  it.each([
    { confirm: 'cloud', way: 'mqtt' },
    { confirm: 'broker', way: 'mqtt' },
    { confirm: 'cloud', way: 'ws' },
  ])('loses nothing while batches are under way (confirm: $confirm, over $way)', async ({ confirm, way }) => {
    const webPort = await freePort();
    const conf = [`listener ${webPort} 127.0.0.1`, 'protocol websockets'];
    const broker = closing(await mosquitto.start({ conf }));
    const cloud = closing(await startFakeCloud(broker.url));
    const relay = closing(await startRelay(way === 'ws' ? webPort : broker.port));
    const config = edgeConfig(`${way}://127.0.0.1:${relay.port}`, { uplink: { keepaliveMs, confirm, maxInFlight: 4 } });
    const agent = closing(await startTestAgent(temporaryFolder(), config));
    let sent = 0;
    const send = (): void => agent.emit(numbers(sent, ++sent));
    const sending = setInterval(send, 20);
    try {
      await waitFor(() => storedValues(cloud).length > 10);
      for (let round = 1; round <= 2; round++) {
        relay.swallow();
        await waitFor(async () => (await agent.metric('fieldline_uplink_dead_links_total')) === round);
        const before = storedValues(cloud).length;
        await waitFor(() => storedValues(cloud).length > before + 10);
      }
    } finally {
      clearInterval(sending);
    }
    await waitFor(() => storedValues(cloud).length >= sent);
    expect(storedValues(cloud)).toEqual(numbers(0, sent));
  });
});
