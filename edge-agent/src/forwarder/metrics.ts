import type { Metrics } from '@fieldline/shared/runtime';

export const forwarderMetrics = (metrics: Metrics) => ({
  batches: metrics.counter('fieldline_uplink_batches_published_total', 'Batches that the broker has taken'),
  samples: metrics.counter('fieldline_uplink_samples_published_total', 'Samples in batches that the broker has taken'),
  again: metrics.counter(
    'fieldline_uplink_batches_sent_again_total',
    'Batches sent again: not confirmed, or asked for',
  ),
  refused: metrics.counter('fieldline_uplink_batches_refused_total', 'Batches that the broker did not take'),
  backlogMost: metrics.gauge(
    'fieldline_uplink_backlog_in_flight_most',
    'Batches of the backlog that may be in flight now: fewer where answers are slow',
  ),
  inFlight: metrics.gauge('fieldline_uplink_batches_in_flight', 'Batches sent and not yet answered by the broker'),
});
