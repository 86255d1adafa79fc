/** From settings to what each server shall carry: one session per endpoint and user, one subscription per device. */
import type { OpcuaDevice, OpcuaSecurity, OpcuaTag } from '@fieldline/shared/config';
import type { Micros, Tag } from '@fieldline/shared/contracts';
import { planEvents } from './events/event-filter.ts';
import { createEventTaker } from './events/events.ts';
import { createItem, type Item } from './items/item.ts';
import type { ItemFilter } from './items/item-filter.ts';
import { parseAddress } from './nodes/node-address.ts';
import { parseElement } from './values/element.ts';

export type SubscriptionPlan = {
  readonly device: string;
  readonly acquire: OpcuaDevice['acquire'];
  readonly publishingMs: number;
  /** What the settings state; null: computed from the intervals that the server grants. */
  readonly queueSize: number | null;
  /** An item of which the server has said nothing for so long is read. */
  readonly silentMs: number;
  /** Whether the server is asked for what was missed, and how far back. */
  readonly history: OpcuaDevice['history'];
  readonly historyMaxMs: number;
  /** One for each node that is monitored, with the tags that share it; position is the client handle. */
  readonly items: readonly Item[];
};

/** Who logs in. Files are read at each connect. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'password';
      readonly name: string;
      readonly passwordFile: string;
      readonly inClearText: boolean;
    }
  | { readonly kind: 'certificate'; readonly certificateFile: string; readonly keyFile: string };

export type EndpointPlan = {
  readonly endpoint: string;
  /** null: the strongest that the server offers. */
  readonly security: OpcuaSecurity | null;
  readonly identity: Identity;
  readonly timeoutMs: number;
  readonly subscriptions: readonly SubscriptionPlan[];
};

export function planEndpoints(devices: readonly OpcuaDevice[]): EndpointPlan[] {
  const groups = Map.groupBy(devices, ({ endpoint, security, ...device }) =>
    JSON.stringify([endpoint, security?.policy, security?.mode, identityOf(device)]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { endpoint, security = null } = first;
    return {
      endpoint,
      security,
      identity: identityOf(first),
      timeoutMs: Math.max(...group.map((device) => device.timeoutMs)),
      subscriptions: group.map(planSubscription),
    };
  });
}

type IdentitySettings = Pick<
  OpcuaDevice,
  'username' | 'passwordFile' | 'passwordInClearText' | 'userCertificateFile' | 'userKeyFile'
>;

function identityOf(settings: IdentitySettings): Identity {
  const { username, passwordFile, userCertificateFile, userKeyFile } = settings;
  if (username !== undefined && passwordFile !== undefined) {
    return { kind: 'password', name: username, passwordFile, inClearText: settings.passwordInClearText === true };
  }
  if (userCertificateFile !== undefined && userKeyFile !== undefined) {
    return { kind: 'certificate', certificateFile: userCertificateFile, keyFile: userKeyFile };
  }
  return { kind: 'anonymous' };
}

/** How old a value may be when its server gets it: it has the time of its source. */
const toServerMs = 500;
/** What has so old a time of its source when the server is heard may not be in what was heard. */
export const unsampledMicros = ({ samplingMs }: Item, { publishingMs }: SubscriptionPlan): Micros =>
  (samplingMs + publishingMs + toServerMs) * 1_000;

function planSubscription(device: OpcuaDevice): SubscriptionPlan {
  const items = [...Map.groupBy(device.tags, (tag) => monitoredAs(tag, device)).values()].flatMap((tags) => {
    const [first, ...others] = tags;
    return first === undefined
      ? []
      : itemOf(
          first,
          device,
          others.map((tag) => itemOf(tag, device)),
        );
  });
  const { acquire, publishingMs, queueSize = null, silentMs, history, historyMaxMs } = device;
  return { device: device.device, acquire, publishingMs, queueSize, silentMs, history, historyMaxMs, items };
}

/** Tags with the same text share a monitored item: all that is asked of the server for a tag stands in it. */
const monitoredAs = (tag: OpcuaTag, device: OpcuaDevice): string =>
  JSON.stringify(
    tag.events === undefined
      ? [tag.node, tag.path, tag.samplingMs ?? device.samplingMs, filterOf(tag, device)]
      : [tag.tag],
  );

function itemOf(settings: OpcuaTag, device: OpcuaDevice, sharing: readonly Item[] = []): Item {
  const tag: Tag = { device: device.device, tag: settings.tag, type: settings.type };
  const address = parseAddress(settings, device.namespace);
  if (settings.events !== undefined) {
    return createItem(tag, address, 0, { events: createEventTaker(tag, planEvents(settings.events)) });
  }
  return createItem(tag, address, settings.samplingMs ?? device.samplingMs, {
    part: settings.part,
    element: settings.element === undefined ? null : parseElement(settings.element),
    sharing,
    filter: filterOf(settings, device),
    heartbeatMs: settings.heartbeatMs ?? device.heartbeatMs ?? null,
    staleAfterMs: settings.staleAfterMs ?? device.staleAfterMs ?? null,
  });
}

/** A server holds back by the whole value: what else a tag takes of it would be held back too. */
function filterOf(tag: OpcuaTag, device: OpcuaDevice): ItemFilter {
  const trigger = tag.trigger ?? device.trigger ?? 'status-value';
  const isAtServer = (tag.deadbandAt ?? device.deadbandAt) === 'server';
  const isNumber = tag.type !== 'string' && tag.type !== 'bool';
  const isWhole = tag.part === undefined && tag.element === undefined;
  return { trigger, deadband: isAtServer && isNumber && isWhole ? deadbandOf(tag, device) : null };
}

/** What a tag states goes before what its device states, in whichever of the two forms. */
function deadbandOf(tag: OpcuaTag, device: OpcuaDevice): ItemFilter['deadband'] {
  const states = tag.deadband === undefined && tag.deadbandPercent === undefined ? device : tag;
  const { deadband = 0, deadbandPercent } = states;
  if (deadbandPercent !== undefined) return { kind: 'percent', value: deadbandPercent };
  return deadband > 0 ? { kind: 'absolute', value: deadband } : null;
}

const maxQueueSize = 10_000;
/** Sampling 0 means "as fast as you can": no server in the field is faster than this. */
const fastestSamplingMs = 10;

/** Values that the server must keep per item so that none is lost between two publishes, and one more for their jitter. */
export const queueSizeFor = (publishingMs: number, samplingMs: number): number =>
  Math.min(maxQueueSize, Math.ceil(publishingMs / Math.max(samplingMs, fastestSamplingMs)) + 1);

/** A quiet subscription still says every so often that it lives. */
const keepAliveEveryMs = 5_000;
/** The server forgets a subscription that nobody asked for this long. */
const lifetimeMs = 60_000;

export function subscriptionParameters({ publishingMs }: SubscriptionPlan) {
  const requestedMaxKeepAliveCount = Math.max(1, Math.ceil(keepAliveEveryMs / publishingMs));
  return {
    requestedPublishingInterval: publishingMs,
    requestedMaxKeepAliveCount,
    requestedLifetimeCount: Math.max(3 * requestedMaxKeepAliveCount, Math.ceil(lifetimeMs / publishingMs)),
    /** Bounds one message: 5,000 values are about 200 kB. */
    maxNotificationsPerPublish: 5_000,
    publishingEnabled: true,
    priority: 0,
  };
}

/** The publish requests keep the session alive: it must outlast the longest silence between two of them. */
export const sessionTimeoutMs = (plan: EndpointPlan): number =>
  Math.max(
    lifetimeMs,
    ...plan.subscriptions.map(
      (subscription) => 3 * subscription.publishingMs * subscriptionParameters(subscription).requestedMaxKeepAliveCount,
    ),
  );
