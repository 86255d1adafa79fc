/** The tags that commands may write, and the methods that they may call, with the connections that they go by. */
import type { OpcuaDevice } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import { type BackoffOptions, createBackoff, pause } from '@fieldline/shared/runtime';
import type { DriverContext, TagWriter } from '../../driver.ts';
import type { Connection, Live } from '../connection.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { Caller, placeOfCall } from './caller.ts';
import { isFreeText, TextCheck } from './text-check.ts';
import { createWriter, type WriteTarget } from './writer.ts';

export type Commandable = {
  /** Of the methods. */
  readonly tags: readonly Tag[];
  /** undefined: the settings let nothing be written or called. */
  readonly writer: TagWriter | undefined;
  /**
   * Looks at the methods of a server, and at what may be written as text, as soon as there is a session, and again at those that cannot be
   * called or written: what is wrong with one is known before it is needed.
   */
  readonly onLive: (devices: readonly string[], live: Live, signal: AbortSignal) => void;
  /** null where all methods of the device can be called, and all its texts written, or nobody knows yet. */
  readonly troubleOf: (device: string) => string | null;
};

type Place = { readonly plan: SubscriptionPlan; readonly connection: Connection };

export function createCommandable(
  devices: readonly OpcuaDevice[],
  places: readonly Place[],
  { clock, emit }: DriverContext,
  retry: BackoffOptions,
): Commandable {
  const placeOf = new Map(places.map((place) => [place.plan.device, place]));
  const writable: WriteTarget[] = [];
  const callers: Caller[] = [];
  for (const device of devices) {
    const place = placeOf.get(device.device);
    if (place === undefined) continue;
    const { connection, plan } = place;
    const { timeoutMs } = device;
    const rulesOf = new Map(device.tags.map(({ tag, write }) => [tag, write]));
    for (const item of plan.items.flatMap(({ members }) => members)) {
      const rules = rulesOf.get(item.tag.tag);
      if (rules !== undefined) writable.push({ item, rules, connection, timeoutMs });
    }
    for (const setting of device.calls ?? []) {
      const tag: Tag = { device: device.device, tag: setting.tag, type: 'string' };
      const place = placeOfCall(setting, device.namespace);
      const target = { tag, setting, ...place, connection, timeoutMs: setting.timeoutMs ?? timeoutMs };
      callers.push(new Caller(target, { now: clock.now, emit }));
    }
  }
  const texts = writable.filter(isFreeText).map((target) => new TextCheck(target));
  const callersOf = (device: string): Caller[] => callers.filter(({ target }) => target.tag.device === device);
  const textsOf = (device: string): TextCheck[] => texts.filter(({ target }) => target.item.tag.device === device);
  const allOf = (device: string): Looked[] => [...callersOf(device), ...textsOf(device)];
  return {
    tags: callers.map(({ target }) => target.tag),
    writer: writable.length + callers.length === 0 ? undefined : writerOf(writable, callers, clock.now),
    onLive: (names, live, signal) => void lookAll(names.flatMap(allOf), live, createBackoff(retry), signal),
    troubleOf: (device) => {
      const said = [
        ...troublesOf(callersOf(device), 'methods cannot be called'),
        ...troublesOf(textsOf(device), 'tags cannot be written'),
      ];
      return said.length === 0 ? null : said.join('; ');
    },
  };
}

/** What is looked at before it is needed. */
type Looked = { readonly trouble: string | null; readonly look: (live: Live) => Promise<unknown> };

function troublesOf(looked: readonly Looked[], what: string): string[] {
  const troubles = looked.flatMap(({ trouble }) => trouble ?? []);
  return troubles.length === 0 ? [] : [`${troubles.length} ${what}, first ${troubles[0]}`];
}

function writerOf(writable: readonly WriteTarget[], callers: readonly Caller[], now: () => number): TagWriter {
  const byTag = new Map(callers.map((caller) => [caller.target.tag, caller]));
  return {
    ...createWriter(writable, now),
    call: (tag, order) => {
      const caller = byTag.get(tag);
      if (caller === undefined) throw new Error(`${tag.device}/${tag.tag} is no method`);
      return caller.call(order);
    },
  };
}

/** One after another: nobody waits for it. Never rejects. */
async function lookAll(
  looked: readonly Looked[],
  live: Live,
  backoff: ReturnType<typeof createBackoff>,
  signal: AbortSignal,
): Promise<void> {
  let left = looked;
  while (left.length > 0 && !signal.aborted) {
    for (const each of left) if (!signal.aborted) await each.look(live);
    left = left.filter(({ trouble }) => trouble !== null);
    if (left.length > 0) await pause(backoff.next(), signal);
  }
}
