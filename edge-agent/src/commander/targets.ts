import type { Device, WriteRules } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import type { Driver, TagWriter } from '../drivers/driver.ts';

/** A tag that may be written, and by whom. */
export type Target = { readonly tag: Tag; readonly rules: WriteRules; readonly writer: TagWriter };

/** `null`: the tag is there, and may not be written. undefined: there is none. */
export type FindTarget = (device: string, tag: string) => Target | null | undefined;

export function findTargets(devices: readonly Device[], drivers: readonly Driver[]): FindTarget {
  const rules = new Map<string, WriteRules | null>();
  for (const device of devices) {
    for (const tag of device.tags) {
      rules.set(`${device.device}/${tag.tag}`, 'write' in tag && tag.write !== undefined ? tag.write : null);
    }
  }
  const targets = new Map<string, Target>();
  for (const { tags, writer } of drivers) {
    if (writer === undefined) continue;
    for (const tag of tags) {
      const key = `${tag.device}/${tag.tag}`;
      const own = rules.get(key);
      if (own !== null && own !== undefined) targets.set(key, { tag, rules: own, writer });
    }
  }
  return (device, tag) => {
    const key = `${device}/${tag}`;
    return targets.get(key) ?? (rules.has(key) ? null : undefined);
  };
}
