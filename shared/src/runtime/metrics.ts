/// <reference path="./prom-client-metrics.d.ts" />
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import heapSizeAndUsed from 'prom-client/lib/metrics/heapSizeAndUsed.js';
import heapSpacesSizeAndUsed from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js';
import osMemoryHeap from 'prom-client/lib/metrics/osMemoryHeap.js';
import processCpuTotal from 'prom-client/lib/metrics/processCpuTotal.js';
import processMaxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js';
import processOpenFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js';
import processResources from 'prom-client/lib/metrics/processResources.js';
import processStartTime from 'prom-client/lib/metrics/processStartTime.js';
import version from 'prom-client/lib/metrics/version.js';

/** One registry per program, made by its composition and handed on. Names: `fieldline_<part>_<what>_<unit|total>`. */
export type Metrics = {
  readonly counter: <Label extends string>(name: string, help: string, labels?: readonly Label[]) => Counter<Label>;
  readonly gauge: <Label extends string>(name: string, help: string, labels?: readonly Label[]) => Gauge<Label>;
  /** Buckets are upper bounds, in the unit that the name ends with. */
  readonly histogram: <Label extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly Label[],
  ) => Histogram<Label>;
  /** Prometheus text format. */
  readonly text: () => Promise<string>;
};

/**
 * The library's metrics of a process that cost nothing until somebody asks. Its others wake the process a hundred times a second to see
 * whether the event loop is late, and make an object of each collection of garbage.
 */
const onDemand = [
  processCpuTotal,
  processStartTime,
  osMemoryHeap,
  processOpenFileDescriptors,
  processMaxFileDescriptors,
  processResources,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  version,
];

/** `rests`: the process sleeps most of the time, and is woken for no metric. */
export function createMetrics({ rests = false }: { readonly rests?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (rests) for (const collect of onDemand) collect(registry);
  else collectDefaultMetrics({ register: registry });
  return {
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: [...labels], registers }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    text: () => registry.metrics(),
  };
}
export type { Counter, Gauge, Histogram } from 'prom-client';
