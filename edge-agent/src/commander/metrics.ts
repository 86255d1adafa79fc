import type { Metrics } from '@fieldline/shared/runtime';

export const commanderMetrics = (metrics: Metrics) => ({
  answered: metrics.counter('fieldline_commands_total', 'Commands that were answered, by what became of them', [
    'outcome',
    'reason',
  ]),
  repeated: metrics.counter(
    'fieldline_commands_repeated_total',
    'Commands that came again and were not carried out again',
  ),
  unheld: metrics.counter(
    'fieldline_commands_unheld_total',
    'Answers that neither the disk nor the memory had room for: the same command, sent again, may be carried out',
  ),
  waiting: metrics.gauge('fieldline_commands_waiting', 'Commands that wait for their devices, or are carried out'),
  dropped: metrics.counter(
    'fieldline_commands_answers_dropped_total',
    'Answers that the broker did not take and for which there was no more room',
  ),
});
