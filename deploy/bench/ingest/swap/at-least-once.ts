/** `--import` this: the processor without ledger and batch numbers, its offsets committed to Kafka after the rows. */
import { swapModules } from './modules.ts';

swapModules({
  '/processor/store-records.ts': new URL('store-rows-only.ts', import.meta.url),
  '/kafka/kafka-client.ts': new URL('committing-kafka.ts', import.meta.url),
  '/processor/acknowledger.ts': new URL('no-acknowledger.ts', import.meta.url),
});
