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
      const deadband = tag.deadband ?? device.deadband;
      const heartbeatMs = tag.heartbeatMs ?? device.heartbeatMs;
      if (deadband === undefined && heartbeatMs === undefined) continue;
      settings.set(`${device.device}/${tag.tag}`, { deadband: deadband ?? 0, heartbeatMs: heartbeatMs ?? null });
    }
  }
  return settings.size === 0 ? null : ({ device, tag }) => settings.get(`${device}/${tag}`) ?? null;
}
