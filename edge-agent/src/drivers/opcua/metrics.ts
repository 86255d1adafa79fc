import type { Metrics } from '@fieldline/shared/runtime';

/** Made once per driver: the registry knows each name once. */
export type OpcuaMetrics = ReturnType<typeof createOpcuaMetrics>;

export function createOpcuaMetrics(metrics: Metrics) {
  const labels = ['device'] as const;
  return {
    notifications: metrics.counter(
      'fieldline_opcua_notifications_total',
      'messages with data that OPC UA servers published',
      labels,
    ),
    values: metrics.counter('fieldline_opcua_values_total', 'values in these messages', labels),
    events: metrics.counter('fieldline_opcua_events_total', 'events in these messages', labels),
    repeated: metrics.counter(
      'fieldline_opcua_repeated_total',
      'values that a server sent again with the same source time; dropped',
      labels,
    ),
    overflows: metrics.counter(
      'fieldline_opcua_overflows_total',
      'values before which the queue of the server overflowed; declared as loss',
      labels,
    ),
    refusedItems: metrics.gauge(
      'fieldline_opcua_refused_items',
      'tags whose node the server refuses at the moment',
      labels,
    ),
    resumes: metrics.counter(
      'fieldline_opcua_resumes_total',
      'subscriptions that went on after a lost connection, with all that the server had kept',
      labels,
    ),
    transfers: metrics.counter(
      'fieldline_opcua_transfers_total',
      'subscriptions that were taken over from a session that was lost',
      labels,
    ),
    republished: metrics.counter(
      'fieldline_opcua_republished_total',
      'messages that did not come, and that the server sent again when asked for them',
      labels,
    ),
    missingMessages: metrics.counter(
      'fieldline_opcua_missing_messages_total',
      'messages that did not come, and that the server no longer had; what was in them is read from its history or declared',
      labels,
    ),
    abandonedSessions: metrics.counter(
      'fieldline_opcua_abandoned_sessions_total',
      'lost sessions that the server did not give back; they end there when their time is up',
      labels,
    ),
    ownCertificateEnds: metrics.gauge(
      'fieldline_opcua_own_certificate_ends_seconds',
      'when our own certificate expires, in seconds since 1970 UTC',
    ),
    historyValues: metrics.counter(
      'fieldline_opcua_history_values_total',
      'values that were missed and read from the history of the server',
      labels,
    ),
    gapsDeclared: metrics.counter(
      'fieldline_opcua_gaps_declared_total',
      'tags whose values may be missing for a time of which the server has no history; declared as loss',
      labels,
    ),
    gapsWaiting: metrics.gauge(
      'fieldline_opcua_gaps_waiting',
      'times of nodes that are still to be read from the history of the server',
      labels,
    ),
    connects: metrics.counter('fieldline_opcua_connects_total', 'sessions opened or taken over with success', labels),
    renewedItems: metrics.counter(
      'fieldline_opcua_renewed_items_total',
      'items that had died at the server, and were asked for again',
      labels,
    ),
    missedReads: metrics.counter(
      'fieldline_opcua_missed_reads_total',
      'turns of cyclic reads that were skipped because the server was too slow; no sample was taken, so none is lost',
      labels,
    ),
    silentReads: metrics.counter(
      'fieldline_opcua_silent_reads_total',
      'items read because the server had reported nothing of them for long',
      labels,
    ),
    losses: metrics.counter('fieldline_opcua_losses_total', 'sessions lost after they were open', labels),
  };
}
