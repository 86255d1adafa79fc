/** From settings to what each server shall carry: one session per endpoint and user, one subscription per device. */
import type { OpcuaDevice, OpcuaSecurity, OpcuaTag } from '@fieldline/shared/config';
import type { Tag } from '@fieldline/shared/contracts';
import { parseElement } from './element.ts';
import { createItem, type Item } from './item.ts';
import { parseAddress } from './node-address.ts';

export type SubscriptionPlan = {
  readonly device: string;
  readonly publishingMs: number;
  /** What the settings state; null: computed from the intervals that the server grants. */
  readonly queueSize: number | null;
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
  return { device: device.device, publishingMs: device.publishingMs, queueSize: device.queueSize ?? null, items };
}

/** Tags with the same text share a monitored item: all that is asked of the server for a tag stands in it. */
const monitoredAs = ({ node, path, samplingMs }: OpcuaTag, device: OpcuaDevice): string =>
  JSON.stringify([node, path, samplingMs ?? device.samplingMs]);

function itemOf(
  settings: OpcuaTag,
  { device, samplingMs, namespace }: OpcuaDevice,
  sharing: readonly Item[] = [],
): Item {
  const tag: Tag = { device, tag: settings.tag, type: settings.type };
  const element = settings.element === undefined ? null : parseElement(settings.element);
  const options = { part: settings.part, element, sharing };
  return createItem(tag, parseAddress(settings, namespace), settings.samplingMs ?? samplingMs, options);
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
