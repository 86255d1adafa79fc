/** The program itself, between a real Mosquitto and a real Kafka, killed while messages flow. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, kafka, mosquitto, startKafka, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { openKafkaBackbone } from '../../src/backbone/kafka/kafka-backbone.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const messages = 6_000;
const kills = 3;

function settings(broker: string, kafkaBroker: string): string {
  const file = join(temporaryFolder(), 'ingest.yaml');
  writeFileSync(
    file,
    [
      `mqtt: {broker: '${broker}', window: 100}`,
      `backbone: {kind: kafka, brokers: ['${kafkaBroker}'], partitions: 3}`,
      'database: {url: postgres://nobody@127.0.0.1:1/none}',
      'http: {port: 0}',
    ].join('\n'),
  );
  return file;
}

describeWith([kafka, mosquitto], 'a bridge that is killed between append and PUBACK', () => {
  test('loses nothing that the broker took: it may double, in the order of each gateway', async () => {
    const [server, broker] = [await startKafka(), await mosquitto.start()];
    const file = settings(broker.url, server.broker);
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

    const start = (): ChildProcess =>
      spawn(process.execPath, [main, 'bridge', '--config', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    let bridge = start();
    const client = await connectAsync(broker.url);
    // The session is there from the first connection on, and the broker keeps for it what it takes.
    await waitFor(() => broker.log().includes('fieldline-bridge'), {
      timeoutMs: 30_000,
      what: 'the bridge to connect',
    });
    await client.publishAsync('fieldline/first/batch', 'first', { qos: 1 });
    await waitFor(async () => (await appended()) === 1, { timeoutMs: 30_000 });

    const publishing = (async () => {
      for (let n = 0; n < messages; n += 50) {
        const burst = Array.from({ length: 50 }, (_, i) => n + i);
        await Promise.all(
          burst.map((each) => client.publishAsync(`fieldline/gw-${each % 5}/batch`, String(each), { qos: 1 })),
        );
      }
    })();
    for (let kill = 1; kill <= kills; kill++) {
      const before = await appended();
      await waitFor(async () => (await appended()) > before + 100, { timeoutMs: 30_000, what: 'messages to flow' });
      const ended = once(bridge, 'close');
      bridge.kill('SIGKILL');
      await ended;
      bridge = start();
    }
    await publishing;

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
        if (key === 'first') continue;
        const n = Number(value.toString());
        if (!distinct.has(n)) seen.set(key, [...(seen.get(key) ?? []), n]);
        distinct.add(n);
      }
    }
    expect(distinct.size).toBe(messages);
    for (const numbers of seen.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const ended = once(bridge, 'close');
    bridge.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await client.endAsync();
    await backbone.close();
    await broker.close();
    await server.close();
  }, 180_000);
});
