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
      const heartbeatMs = tag.heartbeatMs ?? device.heartbeatMs;
      if (deadband === undefined && heartbeatMs === undefined) continue;
      settings.set(`${device.device}/${tag.tag}`, { deadband: deadband ?? 0, heartbeatMs: heartbeatMs ?? null });
    }
  }
  return settings.size === 0 ? null : ({ device, tag }) => settings.get(`${device}/${tag}`) ?? null;
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
