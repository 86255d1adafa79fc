import type { Device } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import type { FilterSettings } from './passes.ts';

type Deadband = { readonly deadband?: number | undefined; readonly heartbeatMs?: number | undefined };

/** The filter settings of the tags that have any; what a tag does not say, its device says for it. */
export function filterSettings(devices: readonly Device[], tags: readonly Tag[]): Map<Tag, FilterSettings> {
  const configured = new Map<string, Deadband>();
  for (const device of devices) {
    for (const tag of device.tags) {
      configured.set(`${device.device}/${tag.tag}`, {
        deadband: tag.deadband ?? device.deadband,
        heartbeatMs: tag.heartbeatMs ?? device.heartbeatMs,
      });
    }
  }
  const settings = new Map<Tag, FilterSettings>();
  for (const tag of tags) {
    const { deadband, heartbeatMs } = configured.get(`${tag.device}/${tag.tag}`) ?? {};
    if (deadband === undefined && heartbeatMs === undefined) continue;
    settings.set(tag, { deadband: deadband ?? 0, heartbeatMs: heartbeatMs ?? null });
  }
  return settings;
}
