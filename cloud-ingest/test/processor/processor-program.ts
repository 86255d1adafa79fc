/**
 * A program with nothing but a processor, for tests that kill it: it shares the database with the test and has the log to
 * itself, which the test fills before it starts. Arguments: database URL, folder of the log.
 */

import { configFor, openBackbone } from './line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

const [url = '', folder = ''] = process.argv.slice(2);
const config = configFor(url, folder);
// Small transactions: many moments at which a kill may fall.
const processor = await startQuietProcessor(
  { ...config, processor: { ...config.processor, maxBatchBytes: 4_000 } },
  openBackbone(config),
);
await processor.done;
