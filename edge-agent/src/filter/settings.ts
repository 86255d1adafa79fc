import type { Device } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import type { FilterSettings } from './passes.ts';

/** null for a tag that is not filtered. */
export type SettingsOf = (tag: Tag) => FilterSettings | null;

/** The filter settings of each tag; what a tag does not say, its device says for it. null where none is filtered. */
export function filterSettings(devices: readonly Device[]): SettingsOf | null {
  const settings = new Map<string, FilterSettings>();
  for (const device of devices) {
    for (const tag of device.tags) {
      const deadband = deadbandOf(tag, device);
      const statedMs = tag.heartbeatMs ?? device.heartbeatMs;
      if (deadband === undefined && statedMs === undefined) continue;
      const periodMs = device.protocol === 'modbus' ? (tagPeriodMs(tag) ?? device.everyMs) : null;
      const heartbeatMs = statedMs === undefined ? null : dueMs(statedMs, periodMs);
      settings.set(`${device.device}/${tag.tag}`, { deadband: deadband ?? 0, heartbeatMs });
    }
  }
  return settings.size === 0 ? null : ({ device, tag }) => settings.get(`${device}/${tag}`) ?? null;
}

const tagPeriodMs = (tag: Device['tags'][number]): number | undefined => ('everyMs' in tag ? tag.everyMs : undefined);

/**
 * How old the last one must be for a sample to pass: it is the last before the heartbeat is over, give or take half a period, since
 * samples come a little early or late. `periodMs`: null where they come when the value changes.
 */
function dueMs(heartbeatMs: number, periodMs: number | null): number {
  if (periodMs === null) return heartbeatMs;
  return (Math.max(1, Math.floor(heartbeatMs / periodMs)) - 0.5) * periodMs;
}

type Stated = {
  readonly deadband?: number | undefined;
  readonly deadbandPercent?: number | undefined;
};
type StatedTag = Stated & { readonly minimum?: number | undefined; readonly maximum?: number | undefined };

/** A percentage of a range that nobody states is for the device to know. */
function deadbandOf(tag: StatedTag, device: Stated): number | undefined {
  const isOwn = tag.deadband !== undefined || tag.deadbandPercent !== undefined;
  const { deadband, deadbandPercent } = isOwn ? tag : device;
  const { minimum, maximum } = tag;
  if (deadbandPercent === undefined || minimum === undefined || maximum === undefined) return deadband;
  return ((maximum - minimum) * deadbandPercent) / 100;
}
