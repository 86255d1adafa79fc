import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

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

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: [...labels], registers }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    text: () => registry.metrics(),
  };
}
export type { Counter, Gauge, Histogram } from 'prom-client';
