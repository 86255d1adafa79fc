/** Creates monitored items in calls that the server can take; what it refuses is data, item by item. */
import { type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import { inCalls } from './call-limit.ts';
import type { Item } from './item.ts';
import { learnItems } from './learn-items.ts';
import { AttributeIds, MonitoringMode, type NodeId, type Session, TimestampsToReturn } from './library.ts';
import { resolveAddresses } from './node-address.ts';
import { queueSizeFor, type SubscriptionPlan } from './plan.ts';
import type { ServerFacts } from './server-facts.ts';
import { qualityOf } from './status.ts';

export type Refusal = { readonly item: Item; readonly quality: QualityCode; readonly reason: string };

export type Monitored = {
  readonly refusals: readonly Refusal[];
  /** Items whose queue the server made shorter than asked for. */
  readonly shortened: number;
  /** Why the types of nodes are not known; values come all the same, enumerations as numbers and structures as bytes. */
  readonly untold: unknown;
};

export async function monitorItems(
  session: Session,
  subscription: { readonly subscriptionId: number; readonly publishingMs: number; readonly plan: SubscriptionPlan },
  items: readonly Item[],
  facts: ServerFacts,
): Promise<Monitored> {
  const refusals: Refusal[] = [];
  const wanted: { item: Item; nodeId: NodeId }[] = [];
  const nodes = await resolveAddresses(session, items, facts);
  for (const { item, resolved } of nodes) {
    if ('nodeId' in resolved) wanted.push({ item, nodeId: resolved.nodeId });
    else refusals.push({ item, quality: qualityCode('bad/address'), reason: resolved.reason });
  }
  const untold = await learnItems(session, facts, wanted);
  const { subscriptionId, publishingMs, plan } = subscription;
  const handles = new Map(plan.items.map((item, position) => [item, position]));
  const requests = wanted.map(({ item, nodeId }) => {
    const queueSize = plan.queueSize ?? queueSizeFor(publishingMs, item.samplingMs);
    return { item, nodeId, queueSize, clientHandle: handles.get(item) ?? 0 };
  });
  const results = await inCalls(facts.limits.monitor, requests, (some) => create(session, subscriptionId, some));
  let shortened = 0;
  for (const [position, { item, queueSize }] of requests.entries()) {
    const result = results[position];
    if (result === undefined) continue;
    const { statusCode, revisedQueueSize } = result;
    if (statusCode.isGood()) shortened += revisedQueueSize < queueSize ? 1 : 0;
    else refusals.push({ item, quality: qualityOf(statusCode.value), reason: `${item.node.text}: ${statusCode.name}` });
  }
  return { refusals, shortened, untold };
}

type Request = {
  readonly item: Item;
  readonly nodeId: NodeId;
  readonly queueSize: number;
  readonly clientHandle: number;
};

async function create(session: Session, subscriptionId: number, requests: readonly Request[]) {
  const { results } = await session.createMonitoredItems({
    subscriptionId,
    timestampsToReturn: TimestampsToReturn.Both,
    itemsToCreate: requests.map(({ nodeId, queueSize, clientHandle, item }) => ({
      itemToMonitor: { nodeId, attributeId: AttributeIds.Value },
      monitoringMode: MonitoringMode.Reporting,
      requestedParameters: { clientHandle, queueSize, samplingInterval: item.samplingMs, discardOldest: true },
    })),
  });
  return results ?? [];
}
