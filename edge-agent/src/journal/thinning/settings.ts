import type { Device } from '@fieldline/shared/config';

/** null for a tag whose samples all stay. */
export type ThinToMs = (device: string, tag: string) => number | null;

/** How far each tag may be thinned; what a tag does not say, its device says for it. null where none may be. */
export function thinToMsOf(devices: readonly Device[]): ThinToMs | null {
  const known = new Map<string, number>();
  for (const device of devices) {
    for (const tag of device.tags) {
      // Of events, one in a time would not stand for the others.
      if ('events' in tag && tag.events !== undefined) continue;
      const thinToMs = tag.thinToMs ?? device.thinToMs;
      if (thinToMs !== undefined) known.set(`${device.device}/${tag.tag}`, thinToMs);
    }
  }
  return known.size === 0 ? null : (device, tag) => known.get(`${device}/${tag}`) ?? null;
}
