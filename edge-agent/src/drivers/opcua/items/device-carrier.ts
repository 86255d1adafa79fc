/** How the values of one device come: by its subscription, or, where the settings say so or the server has none for it, by reads. */
import type { DriverContext } from '../../driver.ts';
import type { Gaps } from '../history/gaps.ts';
import type { NodeId, Session } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { mentions } from '../trouble.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { NodeRetry } from './desired-items.ts';
import { createDeviceReading } from './device-reading.ts';
import type { Item } from './item.ts';
import type { Subscriber } from './publish.ts';
import type { ReadGroup } from './reading.ts';
import { createDeviceSubscription, type DeviceSubscription, type SubscribedSession } from './subscription.ts';

export type DeviceCarrier = Omit<DeviceSubscription, 'bring' | 'nodeOf'> & {
  /** null: there is no subscription, and what `readGroups` gives is to be read. */
  readonly bring: (session: SubscribedSession) => Promise<Subscriber | null>;
  /** Of the session that it was brought to. */
  readonly readGroups: () => readonly ReadGroup[];
  /** Of what was missed while the server could not be heard: see there. */
  readonly fillGaps: (session: Session, facts: ServerFacts, signal: AbortSignal) => Promise<void>;
  /** Nothing comes any more. */
  readonly end: () => void;
};

/** What servers say that have no subscriptions, or none left. */
const without = ['BadServiceUnsupported', 'BadNotImplemented', 'BadNotSupported', 'BadTooManySubscriptions'];

export function createDeviceCarrier(
  plan: SubscriptionPlan,
  context: DriverContext,
  metrics: OpcuaMetrics,
  options: { readonly acknowledgements: Acknowledgements; readonly retryNodes: NodeRetry; readonly gaps: Gaps },
): DeviceCarrier {
  const { device, acquire } = plan;
  const subscription = createDeviceSubscription(plan, context, metrics, options);
  const reading = createDeviceReading(plan, context, metrics, options);
  const { gaps } = options;
  let groups: readonly ReadGroup[] = [];
  /** Why there is no subscription, though the settings want one; null where there is, or is to be none. */
  let lack: string | null = null;
  let isRead = acquire === 'read';

  const nodeOf = (item: Item): NodeId | null => (isRead ? reading : subscription).nodeOf(item);

  const noteOfLack = (): string | null =>
    lack === null
      ? null
      : `${device}: the server gives no subscription (${lack}): its values are read, and changes between two reads are not seen`;

  const noteOfReads = (): string | null => [noteOfLack() ?? [], reading.note() ?? []].flat().join('; ') || null;

  const read = (reason: string | null): null => {
    const isNews = reason !== null && reason !== lack;
    isRead = true;
    lack = reason;
    groups = reading.begin();
    if (isNews) context.log.warn(noteOfLack() ?? '');
    return null;
  };

  return {
    ...subscription,
    bring: async (session) => {
      if (acquire === 'read') return read(null);
      try {
        const subscriber = await subscription.bring(session);
        isRead = false;
        lack = null;
        groups = [];
        return subscriber;
      } catch (error) {
        const status = without.find((name) => mentions(error, name));
        if (status === undefined) throw error;
        return read(status);
      }
    },
    readGroups: () => groups,
    fillGaps: (session, facts, signal) => gaps.fill(session, facts, signal, nodeOf),
    flushLosses: () => {
      subscription.flushLosses();
      gaps.flush(nodeOf);
    },
    end: () => {
      subscription.flushLosses();
      gaps.end();
    },
    reconcile: (session, facts) => (isRead ? reading : subscription).reconcile(session, facts),
    trouble: () => (isRead ? reading : subscription).trouble(),
    note: () => (isRead ? noteOfReads() : subscription.note()),
  };
}
