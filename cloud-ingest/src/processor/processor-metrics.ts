import type { Metrics } from '@fieldline/shared/runtime';

export const createProcessorMetrics = (metrics: Metrics) => ({
  stored: metrics.counter('fieldline_processor_samples_stored_total', 'Samples that became rows'),
  rows: metrics.counter('fieldline_processor_rows_total', 'Rows written, by the path they took into the table', [
    'path',
    'age',
  ]),
  duplicate: metrics.counter('fieldline_processor_samples_duplicate_total', 'Samples of batches that came again'),
  deadLetters: metrics.counter('fieldline_processor_dead_letters_total', 'Records and samples that cannot be stored', [
    'code',
  ]),
  transactions: metrics.counter('fieldline_processor_transactions_total', 'Transactions committed'),
  transactionSeconds: metrics.histogram(
    'fieldline_processor_transaction_seconds',
    'From the begin of a transaction to the answer to its commit',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ),
  latencySeconds: metrics.histogram(
    'fieldline_processor_latency_seconds',
    'From the reception of a record to the commit of its rows',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  ),
  retries: metrics.counter('fieldline_processor_retries_total', 'Transactions tried again because of the database', [
    'code',
  ]),
  fenced: metrics.counter('fieldline_processor_fenced_total', 'Times another processor was found on a partition'),
  lag: metrics.gauge(
    'fieldline_processor_lag_records',
    'Records in the backbone behind what was fetched; absent while that is not known',
  ),
  reachable: metrics.gauge('fieldline_processor_backbone_reachable', '0: the backbone gives no answer'),
  gap: metrics.counter('fieldline_processor_gap_records_total', 'Records that the backbone lost before they were read'),
  remade: metrics.counter('fieldline_processor_log_remade_total', 'Partitions whose log was found made again'),
  restored: metrics.counter(
    'fieldline_processor_database_restored_total',
    'Times the database was found to have gone back',
  ),
  stalls: metrics.counter(
    'fieldline_processor_fetch_stalls_total',
    'Times nothing came of the backbone although it went on, and fetching was begun anew',
  ),
});
export type ProcessorMetrics = ReturnType<typeof createProcessorMetrics>;
