import type { Metrics } from '@fieldline/shared/runtime';

export const bridgeMetrics = (metrics: Metrics) => ({
  records: metrics.counter('fieldline_bridge_records_total', 'Messages that the backbone has acknowledged'),
  bytes: metrics.counter('fieldline_bridge_bytes_total', 'Payload bytes that the backbone has acknowledged'),
  deadLetters: metrics.counter(
    'fieldline_bridge_dead_letters_total',
    'Messages that the backbone can never take, kept as dead letters',
    ['code'],
  ),
  retries: metrics.counter('fieldline_bridge_retries_total', 'Tries to store messages that failed and were repeated'),
  window: metrics.gauge('fieldline_bridge_window_messages', 'Messages taken from the broker and not yet acknowledged'),
  windowFull: metrics.counter('fieldline_bridge_window_full_total', 'Times that reading stopped at a full window'),
  sessions: metrics.counter('fieldline_bridge_sessions_total', 'Sessions opened with the broker'),
});
