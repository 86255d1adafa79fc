import { callsOf, type Device } from '@fieldline/shared/config/edge';
import { type CallInput, type OpcuaCall, objectInput } from '@fieldline/shared/config/opcua-call';
import type { Tag } from '@fieldline/shared/contracts';
import type { Driver, TagWriter } from '../drivers/driver.ts';
import type { TagRules } from './rules.ts';

/** A tag that may be written, or a method that may be called, and by whom. */
export type Target = {
  readonly tag: Tag;
  readonly rules: TagRules;
  /** Of a method, in its order; null of a tag that is written. */
  readonly inputs: readonly CallInput[] | null;
  readonly writer: TagWriter;
};
type Rules = Pick<Target, 'rules' | 'inputs'>;

/** `null`: the tag is there, and may not be written. undefined: there is none. */
export type FindTarget = (device: string, tag: string) => Target | null | undefined;

export function findTargets(devices: readonly Device[], drivers: readonly Driver[]): FindTarget {
  const stated = new Map(devices.flatMap(rulesIn));
  const targets = new Map<string, Target>();
  for (const { tags, writer } of drivers) {
    if (writer === undefined) continue;
    for (const tag of tags) {
      const key = `${tag.device}/${tag.tag}`;
      const own = stated.get(key);
      if (own !== null && own !== undefined) targets.set(key, { tag, ...own, writer });
    }
  }
  return (device, tag) => {
    const key = `${device}/${tag}`;
    return targets.get(key) ?? (stated.has(key) ? null : undefined);
  };
}

function rulesIn(device: Device): [key: string, Rules | null][] {
  const written = device.tags.map((tag): [string, Rules | null] => {
    const rules = 'write' in tag && tag.write !== undefined ? { rules: tag.write, inputs: null } : null;
    return [`${device.device}/${tag.tag}`, rules];
  });
  return [
    ...written,
    ...callsOf(device).map((call): [string, Rules] => [`${device.device}/${call.tag}`, rulesOf(call)]),
  ];
}

/** Where the object is left to the command, it is one more input. */
const rulesOf = ({ object, inputs, atMostEveryMs }: OpcuaCall): Rules => ({
  rules: { atMostEveryMs, readBackAfterMs: 0 },
  inputs: object === 'any' ? [{ name: objectInput, type: 'string' }, ...inputs] : inputs,
});
