/** What of the changes of a node the server is asked to report. */
import { DataChangeFilter, DataChangeTrigger, DeadbandType } from '../library.ts';

export type ItemFilter = {
  readonly trigger: 'status' | 'status-value' | 'status-value-timestamp';
  /** null: every change of the value. `percent` is of the range of the node (its EURange). */
  readonly deadband: { readonly kind: 'absolute' | 'percent'; readonly value: number } | null;
};

const triggers = {
  status: DataChangeTrigger.Status,
  'status-value': DataChangeTrigger.StatusValue,
  'status-value-timestamp': DataChangeTrigger.StatusValueTimestamp,
} satisfies Record<ItemFilter['trigger'], DataChangeTrigger>;
const deadbandTypes = { absolute: DeadbandType.Absolute, percent: DeadbandType.Percent };

/** null for what every server does unasked: some refuse a filter, whatever it says. */
export function requestedFilter({ trigger, deadband }: ItemFilter): DataChangeFilter | null {
  if (trigger === 'status-value' && deadband === null) return null;
  return new DataChangeFilter({
    trigger: triggers[trigger],
    deadbandType: deadband === null ? DeadbandType.None : deadbandTypes[deadband.kind],
    deadbandValue: deadband?.value ?? 0,
  });
}

const refusals = new Set([
  'BadMonitoredItemFilterInvalid',
  'BadMonitoredItemFilterUnsupported',
  'BadFilterNotAllowed',
  'BadDeadbandFilterInvalid',
  'BadEventFilterInvalid',
]);

/** The item itself would be taken. */
export const isFilterRefused = (statusName: string): boolean => refusals.has(statusName);
