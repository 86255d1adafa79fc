/**
 * A program with nothing but a processor on Kafka, for tests with several of them. Arguments: database URL, broker, name of
 * the instance. SIGTERM stops it as a service manager does.
 */

import { kafkaConfig, openBackbone } from './kafka-line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

const [url = '', broker = '', instance = ''] = process.argv.slice(2);
const config = kafkaConfig(url, broker, { instance });
const backbone = openBackbone(config);
const processor = await startQuietProcessor(config, backbone);
process.once('SIGTERM', async () => {
  await processor.close();
  await backbone.close();
});
await processor.done;
