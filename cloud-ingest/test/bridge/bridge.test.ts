import { FieldlineError } from '@fieldline/shared/contracts';
import { describeWith, mosquitto, startAedes, type TestMosquitto, waitFor } from '@fieldline/shared/testing';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { type Tap, tap } from '../mqtt/tap.ts';
import { bridgeWith, configFor, deadLetters, memoryBackbone, publisher } from './parts.ts';

const batchOf = (gateway: string): string => `fieldline/${gateway}/batch`;
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

async function publishAll(client: MqttClient, topic: string, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((text) => client.publishAsync(topic, text, { qos: 1 })));
}

describeWith(mosquitto, 'the bridge, from Mosquitto', () => {
  let broker: TestMosquitto;
  let client: MqttClient;
  let wire: Tap;
  const closing: (() => Promise<void>)[] = [];
  const cleanup = (close: () => Promise<void>): void => {
    closing.push(close);
  };

  beforeEach(async () => {
    broker = await mosquitto.start();
    client = await publisher(broker.url);
    wire = await tap(broker.port);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await wire.close();
    await client.endAsync(true);
    await broker.close();
  });

  async function running(mqtt: Record<string, unknown> = {}) {
    const memory = memoryBackbone();
    const dead = deadLetters();
    const started = bridgeWith(memory.backbone, configFor(wire.url, mqtt), dead.sink);
    cleanup(() => started.bridge.close());
    await waitFor(() => started.trouble() === null, { what: 'the bridge to be subscribed' });
    return { ...memory, ...dead, ...started };
  }

  for (const protocol of ['3.1.1', '5']) {
    test(`MQTT ${protocol}: carries bytes untouched, with key and headers, in the order of each gateway`, async () => {
      const { records, texts, trouble } = await running({ protocol });
      expect(trouble()).toBeNull();
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await client.publishAsync(batchOf('gw-1'), bytes, { qos: 1 });
      await publishAll(client, batchOf('gw-1'), numbers(1, 500));
      await client.publishAsync('fieldline/gw-1/state', 'state', { qos: 1, retain: true });
      await waitFor(() => records.length === 502);
      expect(records[0]?.value.equals(bytes)).toBe(true);
      expect(records[0]).toMatchObject({
        key: 'gw-1',
        headers: { topic: 'fieldline/gw-1/batch', gateway: 'gw-1', qos: '1', retain: 'false', dup: 'false' },
      });
      expect(Number(records[0]?.headers['received-at'])).toBeGreaterThan(1e15);
      expect(texts().slice(1, 501)).toEqual(numbers(1, 500));
    });

    test(`MQTT ${protocol}: sends no PUBACK before the append is done, and takes no more than its window`, async () => {
      const { hold, release, records, metrics } = await running({ protocol, window: 10 });
      hold();
      await publishAll(client, batchOf('gw-1'), numbers(1, 50));
      await waitFor(async () => /fieldline_bridge_window_full_total 1\n/.test(await metrics.text()));
      // MQTT 5 tells the broker the window; an older broker sends what it likes, and we stop reading.
      if (protocol === '5') expect(wire.inFlight()).toBe(10);
      expect(wire.acknowledged()).toEqual([]);
      expect(records).toHaveLength(0);
      release();
      await waitFor(() => records.length === 50);
      expect(records.map(({ value }) => value.toString())).toEqual(numbers(1, 50));
      await waitFor(() => wire.acknowledged().length === 50, { what: 'all to be acknowledged' });
      expect(wire.acknowledged()).toEqual(wire.delivered());
    });
  }

  test('appends are under way side by side; PUBACKs keep the order of reception, whichever ends first', async () => {
    const appends: (() => void)[] = [];
    const append: Backbone['append'] = () => new Promise((resolve) => appends.push(resolve));
    // Each message is a share of this window.
    const started = bridgeWith({ ...memoryBackbone().backbone, append }, configFor(wire.url, { window: 4 }));
    cleanup(() => started.bridge.close());
    await waitFor(() => started.trouble() === null, { what: 'the bridge to be subscribed' });
    for (const [index, text] of numbers(1, 3).entries()) {
      await client.publishAsync(batchOf('gw-1'), text, { qos: 1 });
      await waitFor(() => appends.length === index + 1, { what: 'the next append to be asked for' });
    }
    appends[2]?.();
    appends[1]?.();
    // A round trip of the broker's, in which a PUBACK would have gone out.
    await client.publishAsync('elsewhere', '', { qos: 1 });
    expect(wire.acknowledged()).toEqual([]);
    appends[0]?.();
    await waitFor(() => wire.acknowledged().length === 3);
    expect(wire.acknowledged()).toEqual(wire.delivered());
  });

  test('a window of bytes is kept too', async () => {
    const { hold, release, records, metrics } = await running({ windowBytes: 10_000 });
    hold();
    const kilobyte = 'x'.repeat(1_000);
    await publishAll(client, batchOf('gw-1'), Array<string>(50).fill(kilobyte));
    await waitFor(async () => /fieldline_bridge_window_full_total 1\n/.test(await metrics.text()));
    release();
    await waitFor(() => records.length === 50);
  });

  test('a window that stays full longer than the keep-alive does not end the session', async () => {
    const { hold, release, records, metrics } = await running({ protocol: '3.1.1', window: 5, keepaliveMs: 1_000 });
    hold();
    await publishAll(client, batchOf('gw-1'), numbers(1, 20));
    const begin = performance.now();
    await waitFor(() => performance.now() - begin > 4_000, { what: 'four keep-alives to pass' });
    release();
    await waitFor(() => records.length === 20);
    expect(await metrics.text()).toContain('fieldline_bridge_sessions_total 1');
  });

  test('what a backbone that is away did not take is tried again, in order, and said by the health', async () => {
    const { fail, records, texts, trouble } = await running();
    fail(new FieldlineError('backbone/unreachable', 'Kafka is away'));
    await publishAll(client, batchOf('gw-1'), numbers(1, 30));
    await waitFor(() => trouble()?.includes('Kafka is away'));
    expect(records).toHaveLength(0);
    fail(null);
    await waitFor(() => records.length === 30);
    expect(texts()).toEqual(numbers(1, 30));
    await waitFor(() => trouble() === null);
  });

  test('a bridge that ends between append and PUBACK gets the messages again: doubled, not lost', async () => {
    const first = memoryBackbone();
    const dead = deadLetters();
    const one = bridgeWith(first.backbone, configFor(wire.url), dead.sink);
    cleanup(() => one.bridge.close());
    await waitFor(() => one.trouble() === null);
    first.holdAnswers();
    await publishAll(client, batchOf('gw-1'), numbers(1, 20));
    await waitFor(() => wire.inFlight() === 20 && first.records.length > 0);
    // Another session of the same client id ends this one, as a process that dies would.
    const second = await running();
    first.release();
    await waitFor(() => second.records.length === 20);
    expect(second.texts()).toEqual(numbers(1, 20));
    expect(second.records.every(({ headers }) => headers.dup === 'true')).toBe(true);
    await waitFor(() => wire.acknowledged().length === 20);
  });

  test('no PUBACK of an earlier connection goes out on a later one', async () => {
    const { hold, release, records, texts } = await running();
    hold();
    await publishAll(client, batchOf('gw-1'), numbers(1, 10));
    await waitFor(() => wire.inFlight() === 10);
    await broker.stop();
    await broker.start();
    await waitFor(() => client.connected);
    // All ten come again; had one of them been acknowledged by its old number, it would not.
    await waitFor(() => wire.inFlight() === 10, { what: 'the session to be resumed' });
    release();
    await waitFor(() => records.length === 20);
    expect(texts()).toEqual([...numbers(1, 10), ...numbers(1, 10)]);
    await waitFor(() => wire.inFlight() === 0);
  });

  test('flow and subscription are back after the broker was restarted, also when it has lost its state', async () => {
    const { records, trouble } = await running();
    await client.publishAsync(batchOf('gw-1'), 'before', { qos: 1 });
    await waitFor(() => records.length === 1);
    await broker.kill();
    broker.wipe();
    await waitFor(() => trouble() !== null);
    await broker.start();
    await waitFor(() => trouble() === null, { what: 'the bridge to be connected again' });
    await waitFor(() => client.connected);
    await client.publishAsync(batchOf('gw-1'), 'after', { qos: 1 });
    await waitFor(() => records.length === 2);
  });

  test('messages sent while no bridge runs wait at the broker', async () => {
    const one = await running();
    await one.bridge.close();
    await publishAll(client, batchOf('gw-1'), numbers(1, 10));
    const two = await running();
    await waitFor(() => two.records.length === 10);
  });

  test('a graceful stop acknowledges what was appended, and leaves the rest with the broker', async () => {
    const one = await running();
    one.hold();
    await publishAll(client, batchOf('gw-1'), numbers(1, 10));
    await waitFor(() => one.appends() > 0);
    const closed = one.bridge.close();
    await publishAll(client, batchOf('gw-1'), numbers(11, 20));
    one.release();
    await closed;
    const taken = one.records.length;
    expect(taken).toBeGreaterThan(0);
    expect(one.texts()).toEqual(numbers(1, taken));
    const two = await running();
    await waitFor(() => two.records.length === 20 - taken);
    expect(two.texts()).toEqual(numbers(taken + 1, 20));
  });

  test('two bridges of a share group divide the work', async () => {
    const one = await running({ shareGroup: 'ingest', clientId: 'bridge-one' });
    const two = await running({ shareGroup: 'ingest', clientId: 'bridge-two' });
    await publishAll(client, batchOf('gw-1'), numbers(1, 100));
    await waitFor(() => one.records.length + two.records.length === 100);
    expect(one.records.length).toBeGreaterThan(0);
    expect(two.records.length).toBeGreaterThan(0);
  });

  test('what the backbone can never take is a dead letter before its PUBACK, and the others go on', async () => {
    const memory = memoryBackbone();
    const dead = deadLetters();
    const append = memory.backbone.append;
    const picky = {
      ...memory.backbone,
      append: async (topic: string, records: Parameters<typeof append>[1]) => {
        if (records.some(({ value }) => value.length > 100)) throw new FieldlineError('record/too-large', 'too large');
        await append(topic, records);
      },
    };
    memory.hold();
    const started = bridgeWith(picky, configFor(wire.url), dead.sink);
    cleanup(() => started.bridge.close());
    await waitFor(() => started.trouble() === null);
    const large = 'x'.repeat(101);
    await publishAll(client, batchOf('gw-1'), ['1', '2', large, '3', '4']);
    memory.release();
    await waitFor(() => memory.records.length === 4 && dead.letters.length === 1);
    expect(memory.texts()).toEqual(['1', '2', '3', '4']);
    expect(dead.letters[0]).toMatchObject({
      stage: 'bridge',
      code: 'record/too-large',
      gateway: 'gw-1',
      topic: batchOf('gw-1'),
      partition: null,
      offset: null,
    });
    expect(dead.letters[0]?.bytes.toString()).toBe(large);
    await waitFor(() => wire.inFlight() === 0);
  });

  test('a topic whose gateway is no id is a dead letter', async () => {
    const { letters, records } = await running();
    await client.publishAsync('fieldline/no gateway/batch', 'bytes', { qos: 1 });
    await client.publishAsync(batchOf('gw-1'), 'next', { qos: 1 });
    await waitFor(() => letters.length === 1 && records.length === 1);
    expect(letters[0]).toMatchObject({ code: 'topic/unknown', gateway: null, topic: 'fieldline/no gateway/batch' });
  });

  test('dead letters that cannot be kept hold the PUBACK back', async () => {
    const memory = memoryBackbone();
    const letters: string[] = [];
    let failing = true;
    const started = bridgeWith(memory.backbone, configFor(wire.url), async (letter) => {
      if (failing) throw new FieldlineError('database/unreachable', 'the database is away');
      letters.push(letter.topic);
    });
    cleanup(() => started.bridge.close());
    await waitFor(() => started.trouble() === null);
    await client.publishAsync('fieldline/no gateway/batch', 'bytes', { qos: 1 });
    await waitFor(() => started.trouble()?.includes('the database is away'));
    expect(wire.inFlight()).toBe(1);
    failing = false;
    await waitFor(() => letters.length === 1);
    await waitFor(() => wire.inFlight() === 0);
  });
});

describe('the bridge, from aedes', () => {
  test('falls back to MQTT 3.1.1, and carries', async () => {
    const broker = await startAedes();
    const memory = memoryBackbone();
    const { bridge, trouble } = bridgeWith(memory.backbone, configFor(broker.url));
    await waitFor(() => trouble() === null);
    const client = await publisher(broker.url);
    await publishAll(client, batchOf('gw-1'), numbers(1, 300));
    await waitFor(() => memory.records.length === 300);
    expect(memory.texts()).toEqual(numbers(1, 300));
    await client.endAsync();
    await bridge.close();
    await broker.close();
  });
});
