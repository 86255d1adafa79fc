import type { Metrics } from '@fieldline/shared/runtime';

const roundTripBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/**
 * Made once per driver: the registry knows each name once. Requests sent are the round trips and the errors of kind `timeout`
 * and `garbled` together: a counter of them all would cost each request a third look-up of its labels.
 */
export const createModbusMetrics = (metrics: Metrics) => ({
  errors: metrics.counter('fieldline_modbus_errors_total', 'Modbus requests that brought no data, by kind', [
    'link',
    'kind',
  ]),
  late: metrics.counter('fieldline_modbus_late_replies_total', 'Replies thrown away because they came too late', [
    'link',
  ]),
  retries: metrics.counter(
    'fieldline_modbus_retries_total',
    'Requests repeated because the device was busy or failed, or its reply came damaged',
    ['link'],
  ),
  exchanges: metrics.counter(
    'fieldline_modbus_exchanges_total',
    'Polls that wrote to a device before they read it, because its settings state an exchange',
    ['link'],
  ),
  recordings: metrics.counter(
    'fieldline_modbus_recordings_total',
    'Times that the last frames of a link were to be written: written, failed, or skipped soon after another',
    ['result'],
  ),
  strangers: metrics.counter(
    'fieldline_modbus_strangers_total',
    'Callers that dialled in and were none of the devices in the settings',
  ),
  backupInUse: metrics.gauge('fieldline_modbus_backup_in_use', '1 while a device is reached by its backup address', [
    'link',
  ]),
  busy: metrics.counter(
    'fieldline_modbus_busy_seconds_total',
    'Time in which a serial line was taken: requests, replies, silences, and waiting for those that did not come',
    ['link'],
  ),
  load: metrics.gauge(
    'fieldline_modbus_load_ratio',
    'Share of its time that a serial line is asked for, by what its units take to answer; above 1 it cannot be read that often',
    ['link'],
  ),
  answer: metrics.gauge(
    'fieldline_modbus_answer_seconds',
    'What a unit on a serial line takes to answer, typically, beside the time on the wire',
    ['link', 'unit'],
  ),
  learnedLeftOut: metrics.counter(
    'fieldline_modbus_learned_left_out_total',
    'Refused addresses that were not kept for the next start, because a device has too many of them',
    ['device'],
  ),
  /** Of all links: a histogram of each would be 14 series a device, and cost more of a request than any other figure. */
  roundTrip: metrics.histogram(
    'fieldline_modbus_round_trip_seconds',
    'From sending a Modbus request to its reply, an exception included',
    roundTripBuckets,
  ),
});
export type ModbusMetrics = ReturnType<typeof createModbusMetrics>;
