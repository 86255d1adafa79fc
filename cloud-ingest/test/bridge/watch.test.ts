/** The watch over the bridge, with brokers that go deaf, refuse, or drop. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { listen } from '@fieldline/shared/runtime';
import { describeWith, mosquitto, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { Aedes } from 'aedes';
import { afterEach, describe, expect, test } from 'vitest';
import { bridgeWith, configFor, deadLetters, memoryBackbone, publisher } from './parts.ts';

const quick = { probeEveryMs: 50 };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function running(url: string, mqtt: Record<string, unknown> = {}) {
  const memory = memoryBackbone();
  const dead = deadLetters();
  const started = bridgeWith(memory.backbone, configFor(url, { ...quick, ...mqtt }), dead.sink);
  closing.push(() => started.bridge.close());
  const shows = (line: string) =>
    waitFor(async () => (await started.metrics.text()).includes(`\n${line}\n`), { what: line });
  return { ...memory, ...dead, ...started, shows };
}

/** A broker that forwards nothing to `deafClient`, as if it had lost its subscription, on this connection and the next. */
async function brokerThatGoesDeaf(deafClient: string) {
  const broker = await Aedes.createBroker();
  let deafConnections = 0;
  broker.authorizeForward = (client, packet) => (deafConnections > 0 && client.id === deafClient ? null : packet);
  broker.on('client', (client) => {
    if (client.id === deafClient) deafConnections -= 1;
  });
  const server = createServer((socket) => broker.handle(socket));
  await listen(server, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  closing.push(async () => {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    server.close();
  });
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    goDeaf: () => {
      deafConnections = 2;
    },
  };
}

describe('a bridge that should receive and does not', () => {
  test('is unready, connects again and receives; a quiet site before that was no trouble', async () => {
    const broker = await brokerThatGoesDeaf('fieldline-bridge');
    const { trouble, shows, records, letters, metrics } = running(broker.url);
    await shows('fieldline_bridge_watched 1');
    expect(trouble()).toBeNull();
    broker.goDeaf();
    await waitFor(() => trouble()?.includes('sends it none'), { what: 'the bridge to be unready' });
    await waitFor(() => trouble() === null, { what: 'the bridge to be ready again' });
    expect(await metrics.text()).toContain('fieldline_bridge_sessions_total 3\n');
    expect(await metrics.text()).toContain('fieldline_bridge_deaf_total 2\n');
    const client = await publisher(broker.url);
    await client.publishAsync('fieldline/gw-1/batch', 'next', { qos: 1 });
    await waitFor(() => records.length > 0);
    // Probes are nobody else's business.
    expect(records).toHaveLength(1);
    expect(letters).toEqual([]);
    await client.endAsync();
  });

  test('says so of a share group at a broker that has none and does not tell (aedes)', async () => {
    const broker = await startAedes();
    closing.push(broker.close);
    const { trouble } = running(broker.url, { shareGroup: 'ingest' });
    await waitFor(() => trouble()?.includes('leave out mqtt.shareGroup'));
  });
});

describeWith(mosquitto, 'the watch, with Mosquitto', () => {
  test('needs a right: without it the bridge runs unwatched, and carries', async () => {
    const acl = join(temporaryFolder(), 'acl');
    writeFileSync(
      acl,
      'topic read fieldline/+/batch\ntopic read fieldline/+/state\ntopic read fieldline/+/birth\ntopic write fieldline/gw-1/batch\n',
    );
    const broker = await mosquitto.start({ conf: [`acl_file ${acl}`, 'sys_interval 1'] });
    closing.push(broker.close);
    for (const protocol of ['3.1.1', '5']) {
      const { trouble, shows, records, metrics, bridge } = running(broker.url, { protocol });
      await waitFor(() => trouble() === null);
      await shows('fieldline_bridge_watched 0');
      const client = await publisher(broker.url);
      await client.publishAsync('fieldline/gw-1/batch', 'carried', { qos: 1 });
      await waitFor(() => records.length === 1);
      expect(trouble()).toBeNull();
      const text = await metrics.text();
      expect(text).toContain('fieldline_bridge_sessions_total 1\n');
      expect(text).toContain('fieldline_bridge_broker_drops_watched 0\n');
      await client.endAsync();
      await bridge.close();
    }
  });

  test('a bridge that waits for its backbone is not taken for a deaf one', async () => {
    const broker = await mosquitto.start();
    closing.push(broker.close);
    const { hold, release, records, shows, metrics, trouble } = running(broker.url, { window: 5 });
    await shows('fieldline_bridge_watched 1');
    hold();
    const client = await publisher(broker.url);
    await Promise.all(Array.from({ length: 20 }, () => client.publishAsync('fieldline/gw-1/batch', 'x', { qos: 1 })));
    await shows('fieldline_bridge_window_full_total 1');
    const begin = performance.now();
    await waitFor(() => performance.now() - begin > 8 * quick.probeEveryMs, { what: 'more rounds than patience has' });
    release();
    await waitFor(() => records.length === 20);
    expect(trouble()).toBeNull();
    expect(await metrics.text()).toContain('fieldline_bridge_deaf_total 0\n');
    await client.endAsync();
  });

  test('what the broker drops after it has acknowledged it is counted', async () => {
    const conf = ['max_queued_messages 10', 'sys_interval 1'];
    const broker = await mosquitto.start({ conf });
    closing.push(broker.close);
    const { hold, release, records, shows, metrics } = running(broker.url, { window: 5 });
    await shows('fieldline_bridge_broker_drops_watched 1');
    hold();
    const client = await publisher(broker.url);
    const sent = Array.from({ length: 100 }, (_, n) =>
      client.publishAsync('fieldline/gw-1/batch', String(n), { qos: 1 }),
    );
    await Promise.all(sent);
    const dropped = async (): Promise<number> =>
      Number(/\nfieldline_bridge_broker_dropped_total (\d+)\n/.exec(await metrics.text())?.[1]);
    await waitFor(async () => (await dropped()) >= 85, { what: 'the drops to be counted' });
    release();
    // Every message is one or the other; the few probes of this time were dropped as well.
    await waitFor(async () => records.length + (await dropped()) >= 100);
    expect(records.length).toBeLessThanOrEqual(15);
    await client.endAsync();
  });
});
