/**
 * Measures what a server takes, by asking for more until it refuses. Everything has a bound, calls go one after the other, and what
 * was made at the server is taken away again.
 */

import { callHistory } from '../history/history.ts';
import { type ItemFilter, requestedFilter } from '../items/item-filter.ts';
import { deleteSubscription } from '../items/transfer.ts';
import { AttributeIds, answerOf, MonitoringMode, type NodeId, type Session, TimestampsToReturn } from '../library.ts';
import { mentions } from '../trouble.ts';
import { isTooMuch } from './call-limit.ts';

/** A number that was reached without a refusal is a lower bound. */
export type Measured = { readonly most: number; readonly isRefusedBeyond: boolean };

/** The most operations that one call may have: doubled until the server refuses, then halved in between. */
export async function mostAtOnce(bound: number, call: (count: number) => Promise<unknown>): Promise<Measured> {
  const isTaken = async (count: number): Promise<boolean> => {
    try {
      await call(count);
      return true;
    } catch (error) {
      if (!isTooMuch(error)) throw error;
      return false;
    }
  };
  let taken = 0;
  let refused = bound + 1;
  for (let count = 1; taken < bound; count = Math.min(bound, count * 2)) {
    if (await isTaken(count)) taken = count;
    else {
      refused = count;
      break;
    }
  }
  while (refused - taken > 1) {
    const middle = Math.floor((taken + refused) / 2);
    if (await isTaken(middle)) taken = middle;
    else refused = middle;
  }
  return { most: taken, isRefusedBeyond: refused <= bound };
}

export const nodesPerRead = (session: Session, nodeId: NodeId, bound: number): Promise<Measured> =>
  mostAtOnce(bound, (count) =>
    session.read(Array.from({ length: count }, () => ({ nodeId, attributeId: AttributeIds.Value }))),
  );

export const nodesPerHistoryRead = (session: Session, nodeId: NodeId, bound: number): Promise<Measured> =>
  mostAtOnce(bound, (count) => {
    const nodes = Array.from({ length: count }, () => ({ nodeId, continuationPoint: null }));
    const now = Date.now() * 1_000;
    return callHistory(session, nodes, { from: now, to: now, most: 1 }, false);
  });

export type Granted = { readonly subscriptionId: number; readonly publishingMs: number; readonly lifetimeMs: number };

export async function createProbe(session: Session, publishingMs: number): Promise<Granted> {
  const granted = await session.createSubscription({
    requestedPublishingInterval: publishingMs,
    requestedMaxKeepAliveCount: 10,
    requestedLifetimeCount: 100,
    maxNotificationsPerPublish: 0,
    publishingEnabled: false,
    priority: 0,
  });
  const { subscriptionId, revisedPublishingInterval, revisedLifetimeCount } = granted;
  const lifetimeMs = revisedPublishingInterval * revisedLifetimeCount;
  return { subscriptionId, publishingMs: revisedPublishingInterval, lifetimeMs };
}

type Wanted = { readonly samplingMs: number; readonly queueSize: number; readonly filter: ItemFilter };
const plain: Wanted = { samplingMs: 1_000, queueSize: 1, filter: { trigger: 'status-value', deadband: null } };

/** What the server says to each of as many items of one node. */
export async function createItems(
  session: Session,
  subscriptionId: number,
  nodeId: NodeId,
  { count = 1, ...asked }: Partial<Wanted> & { readonly count?: number } = {},
) {
  const { samplingMs, queueSize, filter } = { ...plain, ...asked };
  const requested = requestedFilter(filter);
  const { results } = await session.createMonitoredItems({
    subscriptionId,
    timestampsToReturn: TimestampsToReturn.Both,
    itemsToCreate: Array.from({ length: count }, (_, clientHandle) => ({
      itemToMonitor: { nodeId, attributeId: AttributeIds.Value },
      monitoringMode: MonitoringMode.Disabled,
      requestedParameters: {
        clientHandle,
        samplingInterval: samplingMs,
        queueSize,
        discardOldest: true,
        ...(requested === null ? {} : { filter: requested }),
      },
    })),
  });
  return results ?? [];
}

/** Each attempt has a subscription of its own, so that no number of items of another counts. */
export const itemsPerCall = (session: Session, nodeId: NodeId, bound: number): Promise<Measured> =>
  mostAtOnce(bound, async (count) => {
    const { subscriptionId } = await createProbe(session, 1_000);
    try {
      await createItems(session, subscriptionId, nodeId, { count });
    } finally {
      await deleteSubscription(session, subscriptionId);
    }
  });

export async function itemsPerSubscription(
  session: Session,
  nodeId: NodeId,
  { perCall, bound }: { readonly perCall: number; readonly bound: number },
): Promise<Measured> {
  const { subscriptionId } = await createProbe(session, 1_000);
  let most = 0;
  try {
    while (most < bound) {
      const count = Math.min(perCall, bound - most);
      const results = await createItems(session, subscriptionId, nodeId, { count });
      const good = results.filter(({ statusCode }) => statusCode.isGood()).length;
      most += good;
      if (good < count) return { most, isRefusedBeyond: true };
    }
    return { most, isRefusedBeyond: false };
  } finally {
    await deleteSubscription(session, subscriptionId);
  }
}

export async function subscriptionsPerSession(session: Session, bound: number): Promise<Measured> {
  const made: number[] = [];
  try {
    while (made.length < bound) made.push((await createProbe(session, 1_000)).subscriptionId);
    return { most: made.length, isRefusedBeyond: false };
  } catch (error) {
    if (!mentions(error, 'BadTooManySubscriptions')) throw error;
    return { most: made.length, isRefusedBeyond: true };
  } finally {
    for (const subscriptionId of made) await deleteSubscription(session, subscriptionId);
  }
}

/** What the server says when it is to give a subscription to the session that has it: whether it has such a service. */
export async function transferAnswer(session: Session, subscriptionId: number): Promise<string> {
  try {
    const request = { subscriptionIds: [subscriptionId], sendInitialValues: false };
    await answerOf((answer) => session.transferSubscriptions(request, answer));
    return 'yes';
  } catch (error) {
    const name = /Bad\w+/.exec(error instanceof Error ? error.message : '')?.[0];
    if (name === undefined) throw error;
    return name === 'BadNothingToDo' ? 'yes' : `no (${name})`;
  }
}
