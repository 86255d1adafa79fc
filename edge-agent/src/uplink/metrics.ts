import type { Metrics } from '@fieldline/shared/runtime';

export const uplinkMetrics = (metrics: Metrics) => ({
  connected: metrics.gauge('fieldline_uplink_connected', '1 while there is a session with the broker'),
  inUse: metrics.gauge('fieldline_uplink_broker_in_use', '1 for the broker that the session is with', ['broker']),
  dead: metrics.counter('fieldline_uplink_dead_links_total', 'Sessions ended because the broker had become silent'),
  renewed: metrics.counter(
    'fieldline_uplink_renewals_total',
    'Sessions begun anew because a certificate or password file had changed',
  ),
  throttled: metrics.counter(
    'fieldline_uplink_throttled_total',
    'Pauses because the broker said that a quota is exceeded',
  ),
});
