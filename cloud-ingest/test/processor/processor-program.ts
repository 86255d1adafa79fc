/**
 * A program with nothing but a processor, for tests that kill it: it shares the database with the test and has the log to
 * itself, which the test fills before it starts. Arguments: database URL, folder of the log.
 */
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { startProcessor } from '../../src/processor/processor.ts';
import { configFor, openBackbone } from './line.ts';

const [url = '', folder = ''] = process.argv.slice(2);
const config = configFor(url, folder);
// Small transactions: many moments at which a kill may fall.
const processor = await startProcessor({
  config: { ...config, processor: { ...config.processor, maxBatchBytes: 4_000 } },
  backbone: openBackbone(config),
  acknowledge: async () => {},
  clock: systemClock,
  log: silentLog,
  metrics: createMetrics(),
  health: createHealth(),
});
await processor.done;
