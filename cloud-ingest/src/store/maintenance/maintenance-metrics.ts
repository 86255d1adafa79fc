import type { Metrics } from '@fieldline/shared/runtime';

export const createMaintenanceMetrics = (metrics: Metrics) => ({
  computed: metrics.counter(
    'fieldline_rollups_buckets_computed_total',
    'Buckets of a roll-up computed because rows had touched them',
    ['level'],
  ),
  expired: metrics.counter(
    'fieldline_rollups_buckets_expired_total',
    'Buckets whose rows came when retention was about to remove what the roll-up is computed from',
    ['level'],
  ),
  postponed: metrics.counter(
    'fieldline_partitions_postponed_total',
    'Partitions that could not be made or dropped in a round, because somebody read or wrote for too long',
  ),
  failures: metrics.counter(
    'fieldline_maintenance_failures_total',
    'Rounds of maintenance that failed: a right, a lock, no space',
  ),
  succeeded: metrics.gauge(
    'fieldline_maintenance_succeeded_timestamp_seconds',
    'When a round of maintenance last ended well',
  ),
});
export type MaintenanceMetrics = ReturnType<typeof createMaintenanceMetrics>;
