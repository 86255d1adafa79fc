/** A process of its own, as the program runs: everything of the Kafka backbone is loaded and used once. Argument: broker. */
import { silentLog } from '@fieldline/shared/runtime';
import { openKafkaBackbone } from '../../../src/backbone/kafka/kafka-backbone.ts';

const [broker = ''] = process.argv.slice(2);
const topic = `plain-node-${process.pid}`;
const backbone = openKafkaBackbone(
  {
    kind: 'kafka',
    brokers: [broker],
    partitions: 2,
    replication: 1,
    minInSync: 1,
    retentionMs: 3_600_000,
    maxRecordBytes: 1_000_000,
  },
  silentLog,
);
await backbone.ensureTopic(topic);
await backbone.append(topic, [{ key: 'gw', value: Buffer.from('from plain Node'), headers: {} }]);
const consumer = await backbone.consume({
  topic,
  group: topic,
  queueBytes: 1_000_000,
  positions: async () => [],
  onGap: () => {},
});
const [record] = await consumer.poll(1_000, AbortSignal.timeout(20_000));
process.stdout.write(record?.value.toString() ?? 'nothing');
await backbone.close();
