/** The program itself, between a real Mosquitto and a real Kafka, killed while messages flow. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import {
  describeWith,
  freePort,
  kafka,
  mosquitto,
  startKafka,
  temporaryFolder,
  waitFor,
} from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../src/backbone/kafka/kafka-backbone.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const messages = 4_000;
const timeoutMs = 30_000;

function settings(broker: string, kafkaBroker: string, mqtt: string, opsPort: number): string {
  const file = join(temporaryFolder(), 'ingest.yaml');
  writeFileSync(
    file,
    [
      `mqtt: {broker: '${broker}', window: 100, ${mqtt}}`,
      `backbone: {kind: kafka, brokers: ['${kafkaBroker}'], partitions: 3}`,
      'database: {url: postgres://nobody@127.0.0.1:1/none}',
      `http: {port: ${opsPort}}`,
    ].join('\n'),
  );
  return file;
}

/** Kafka, Mosquitto and bridges as programs; publishes until all is in Kafka, and calls `meanwhile` while it flows. */
async function scenario(
  { mqttOf, kafkaLate }: { mqttOf: readonly string[]; kafkaLate: boolean },
  meanwhile: (run: Run) => Promise<void>,
) {
  const [server, broker] = [await startKafka(), await mosquitto.start()];
  const backbone = openKafkaBackbone(
    {
      kind: 'kafka',
      brokers: [server.broker],
      partitions: 3,
      replication: 1,
      minInSync: 1,
      retentionMs: 7 * 24 * 3_600_000,
      maxRecordBytes: 1_000_000,
    },
    silentLog,
  );
  await backbone.ensureTopic(backboneTopics.raw);
  const appended = async (): Promise<number> =>
    (await backbone.bounds(backboneTopics.raw)).reduce((sum, { next }) => sum + next, 0);
  if (kafkaLate) await server.kill();
  const opsPorts = await Promise.all(mqttOf.map(freePort));
  const bridges = mqttOf.map((mqtt, index) => {
    const file = settings(broker.url, server.broker, mqtt, opsPorts[index] ?? 0);
    const start = (): ChildProcess =>
      spawn(process.execPath, [main, 'bridge', '--config', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    return { running: start(), start };
  });
  const end = async (bridge: { running: ChildProcess }, signal: NodeJS.Signals) => {
    const ended = once(bridge.running, 'close');
    bridge.running.kill(signal);
    return ended;
  };
  if (kafkaLate) {
    await waitFor(async () => (await (await health(opsPorts[0] ?? 0)).text()).includes('backbone/unreachable'), {
      timeoutMs,
      what: 'the bridge to wait for Kafka',
    });
    await server.start();
  }
  const client = await connectAsync(broker.url);
  // A bridge that is ready has subscribed, and the broker keeps for its session what it takes.
  for (const port of opsPorts) {
    await waitFor(async () => (await health(port)).ok, { timeoutMs, what: 'a bridge to be ready' });
  }

  const publishing = (async () => {
    for (let n = 0; n < messages; n += 50) {
      const burst = Array.from({ length: 50 }, (_, i) => n + i);
      await Promise.all(
        burst.map((each) => client.publishAsync(`fieldline/gw-${each % 5}/batch`, String(each), { qos: 1 })),
      );
    }
  })();
  await meanwhile({
    flows: async (more) => {
      const before = await appended();
      await waitFor(async () => (await appended()) > before + more, { timeoutMs, what: 'messages to flow' });
    },
    kill: async (index) => {
      const bridge = bridges[index];
      if (bridge !== undefined) await end(bridge, 'SIGKILL');
    },
    start: (index) => {
      const bridge = bridges[index];
      if (bridge !== undefined) bridge.running = bridge.start();
    },
  });
  await publishing;
  const seen = await firstSeen(backbone);
  for (const bridge of bridges) expect(await end(bridge, 'SIGTERM')).toEqual([0, null]);
  await client.endAsync();
  await backbone.close();
  await broker.close();
  await server.close();
  return seen;
}

const health = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}/health/ready`);

type Run = {
  readonly flows: (messages: number) => Promise<void>;
  readonly kill: (index: number) => Promise<void>;
  readonly start: (index: number) => void;
};

/** By gateway, the numbers in Kafka in the order of their first appearance; waits until all are there. */
async function firstSeen(backbone: Backbone): Promise<Map<string, number[]>> {
  const seen = new Map<string, number[]>();
  const consumer = await backbone.consume({
    topic: backboneTopics.raw,
    group: 'evidence',
    queueBytes: 10_000_000,
    positions: async () => [],
    onGap: () => {},
  });
  const late = AbortSignal.timeout(60_000);
  const distinct = new Set<number>();
  while (distinct.size < messages && !late.aborted) {
    for (const { key, value } of await consumer.poll(1_000_000, late)) {
      const n = Number(value.toString());
      if (!distinct.has(n)) seen.set(key, [...(seen.get(key) ?? []), n]);
      distinct.add(n);
    }
  }
  expect(distinct.size).toBe(messages);
  return seen;
}

describeWith([kafka, mosquitto], 'bridges that are killed between append and PUBACK', () => {
  test('one alone, started before Kafka, loses nothing that the broker took: it may double, in the order of each gateway', async () => {
    const seen = await scenario(
      { mqttOf: ['clientId: fieldline-bridge'], kafkaLate: true },
      async ({ flows, kill, start }) => {
        for (let kills = 0; kills < 2; kills++) {
          await flows(100);
          await kill(0);
          start(0);
        }
      },
    );
    for (const numbers of seen.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }, 180_000);

  test('one of a share group: the other goes on, and what the dead one was given comes when it is back', async () => {
    const member = (name: string): string => `shareGroup: ingest, clientId: fieldline-bridge-${name}`;
    await scenario({ mqttOf: [member('one'), member('two')], kafkaLate: false }, async ({ flows, kill, start }) => {
      await flows(100);
      await kill(0);
      await flows(100);
      start(0);
    });
  }, 180_000);
});
