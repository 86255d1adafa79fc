/** A processor whose acknowledgements and log nobody looks at. */
import type { IngestConfig } from '@fieldline/shared/config';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { type Processor, type ProcessorParts, startProcessor } from '../../src/processor/processor.ts';

export const startQuietProcessor = (
  config: IngestConfig,
  backbone: Backbone,
  { metrics = createMetrics(), health = createHealth() }: Partial<Pick<ProcessorParts, 'metrics' | 'health'>> = {},
): Promise<Processor> =>
  startProcessor({
    config,
    backbone,
    acknowledge: async () => {},
    clock: systemClock,
    log: silentLog,
    metrics,
    health,
  });
