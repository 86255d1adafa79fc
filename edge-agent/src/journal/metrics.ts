import type { Metrics } from '@fieldline/shared/runtime';
import type { Store } from './store.ts';

export type JournalMetrics = ReturnType<typeof journalMetrics>;

export const journalMetrics = (metrics: Metrics) => ({
  unconfirmedBatches: metrics.gauge('fieldline_journal_unconfirmed_batches', 'Batches that are not confirmed yet'),
  unconfirmedSamples: metrics.gauge('fieldline_journal_unconfirmed_samples', 'Samples in batches not confirmed yet'),
  sizeBytes: metrics.gauge('fieldline_journal_size_bytes', 'Size of the files of the journal'),
  freeBytes: metrics.gauge('fieldline_journal_disk_free_bytes', 'What the disk of the journal has left'),
  memoryBytes: metrics.gauge('fieldline_journal_memory_bytes', 'Batches in memory because the disk takes none'),
  volatile: metrics.gauge('fieldline_journal_volatile', '1 while the disk takes no batches'),
  unread: metrics.gauge('fieldline_journal_unread', '1 while what earlier starts left cannot be read, and is not sent'),
  lostBatches: metrics.counter('fieldline_journal_lost_batches_total', 'Batches dropped and declared', ['reason']),
  salvagedBatches: metrics.counter(
    'fieldline_journal_salvaged_batches_total',
    'Batches of damaged files that could be proven',
  ),
  thinnedSamples: metrics.counter(
    'fieldline_journal_thinned_samples_total',
    'Samples taken out of batches that were never sent, and declared, since the journal was nearly full',
  ),
  unrememberedSeries: metrics.counter(
    'fieldline_journal_unremembered_series_total',
    'Series beyond 100,000 of which the last sample is not remembered for the next start',
  ),
  encodedBytes: metrics.counter('fieldline_journal_encoded_bytes_total', 'Bytes of the batches made'),
  flushSeconds: metrics.histogram(
    'fieldline_journal_flush_seconds',
    'Time that one flush held the event loop',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  ),
  durableSeconds: metrics.histogram(
    'fieldline_journal_durable_seconds',
    'Time until a flush was as durable as journal.survives says',
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10],
  ),
});

export function setGauges(metrics: JournalMetrics, store: Store, isVolatile: boolean): void {
  const { batches, samples } = store.unconfirmedExtent();
  metrics.unconfirmedBatches.set(batches);
  metrics.unconfirmedSamples.set(samples);
  metrics.sizeBytes.set(store.disk?.sizeBytes() ?? 0);
  metrics.freeBytes.set(freeBytesOf(store));
  metrics.memoryBytes.set(store.memory.sizeBytes);
  metrics.volatile.set(isVolatile ? 1 : 0);
  metrics.unread.set(store.disk === undefined ? 1 : 0);
}

/** NaN where the folder cannot be asked. */
function freeBytesOf({ disk }: Store): number {
  try {
    return disk?.space().freeBytes ?? Number.NaN;
  } catch {
    return Number.NaN;
  }
}
