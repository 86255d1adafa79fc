/**
 * A processor that is killed when Kafka has acknowledged its normalised samples and their rows are not committed yet.
 * Arguments: database URL, folder of the log, address of Kafka, topic, whether to be killed.
 */

import { configFor, openBackbone } from '../processor/line.ts';
import { startQuietProcessor } from '../processor/quiet-processor.ts';
import { openKafka, withKafkaFor, withTopic } from './parts.ts';

const [url = '', folder = '', broker = '', topic = '', fate] = process.argv.slice(2);
const config = withTopic(configFor(url, folder), topic);
const kafka = openKafka(broker);
const backbone = withKafkaFor(topic, openBackbone(config), {
  ensureTopic: kafka.ensureTopic,
  append: async (name, records) => {
    await kafka.append(name, records);
    if (fate === 'killed') process.kill(process.pid, 'SIGKILL');
  },
});
const processor = await startQuietProcessor(config, backbone);
await processor.done;
