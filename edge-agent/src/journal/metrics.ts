import type { Metrics } from '@fieldline/shared/runtime';

export type JournalMetrics = ReturnType<typeof journalMetrics>;

export const journalMetrics = (metrics: Metrics) => ({
  unconfirmedBatches: metrics.gauge('fieldline_journal_unconfirmed_batches', 'Batches that are not confirmed yet'),
  unconfirmedSamples: metrics.gauge('fieldline_journal_unconfirmed_samples', 'Samples in batches not confirmed yet'),
  sizeBytes: metrics.gauge('fieldline_journal_size_bytes', 'Size of the files of the journal'),
  memoryBytes: metrics.gauge('fieldline_journal_memory_bytes', 'Batches in memory because the disk takes none'),
  volatile: metrics.gauge('fieldline_journal_volatile', '1 while the disk takes no batches'),
  lostBatches: metrics.counter('fieldline_journal_lost_batches_total', 'Batches dropped and declared', ['reason']),
  encodedBytes: metrics.counter('fieldline_journal_encoded_bytes_total', 'Bytes of the batches made'),
  flushSeconds: metrics.histogram(
    'fieldline_journal_flush_seconds',
    'Time that one flush took',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  ),
});

export type Extent = {
  /** Not confirmed yet. */
  readonly batches: number;
  readonly samples: number;
  readonly sizeBytes: number;
  readonly memoryBytes: number;
  readonly isVolatile: boolean;
};

export function setGauges(metrics: JournalMetrics, extent: Extent): void {
  metrics.unconfirmedBatches.set(extent.batches);
  metrics.unconfirmedSamples.set(extent.samples);
  metrics.sizeBytes.set(extent.sizeBytes);
  metrics.memoryBytes.set(extent.memoryBytes);
  metrics.volatile.set(extent.isVolatile ? 1 : 0);
}
