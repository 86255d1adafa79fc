/** A processor whose acknowledgements, log and metrics nobody looks at. */
import type { IngestConfig } from '@fieldline/shared/config';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { type Processor, startProcessor } from '../../src/processor/processor.ts';

export const startQuietProcessor = (config: IngestConfig, backbone: Backbone): Promise<Processor> =>
  startProcessor({
    config,
    backbone,
    acknowledge: async () => {},
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(),
    health: createHealth(),
  });
