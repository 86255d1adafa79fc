/** Creates monitored items in calls that the server can take; what it refuses is data, item by item. */
import { type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import type { Item } from './item.ts';
import { AttributeIds, MonitoringMode, type NodeId, type Session, TimestampsToReturn } from './library.ts';
import { resolveNode } from './node-id.ts';
import { queueSizeFor, type SubscriptionPlan } from './plan.ts';
import type { ServerFacts } from './server-facts.ts';
import { qualityOf } from './status.ts';
import { mentions } from './trouble.ts';

export type Refusal = { readonly item: Item; readonly quality: QualityCode; readonly reason: string };

export type Monitored = {
  readonly refusals: readonly Refusal[];
  /** Items whose queue the server made shorter than asked for. */
  readonly shortened: number;
};

export async function monitorItems(
  session: Session,
  subscription: { readonly subscriptionId: number; readonly publishingMs: number; readonly plan: SubscriptionPlan },
  items: readonly Item[],
  facts: ServerFacts,
): Promise<Monitored> {
  const refusals: Refusal[] = [];
  const wanted: { item: Item; nodeId: NodeId }[] = [];
  for (const item of items) {
    const resolved = resolveNode(item.node, facts.namespaces);
    if ('nodeId' in resolved) wanted.push({ item, nodeId: resolved.nodeId });
    else refusals.push({ item, quality: qualityCode('bad/address'), reason: resolved.reason });
  }
  let shortened = 0;
  const { subscriptionId, publishingMs, plan } = subscription;
  const handles = new Map(plan.items.map((item, position) => [item, position]));
  let next = 0;
  while (next < wanted.length) {
    const call = wanted.slice(next, next + facts.itemsPerCall).map(({ item, nodeId }) => {
      const queueSize = plan.queueSize ?? queueSizeFor(publishingMs, item.samplingMs);
      return { item, nodeId, queueSize, clientHandle: handles.get(item) ?? 0 };
    });
    const results = await create(session, subscriptionId, call, facts);
    if (results === null) continue;
    for (const [position, { item, queueSize }] of call.entries()) {
      const result = results[position];
      if (result === undefined) continue;
      const { statusCode, revisedQueueSize } = result;
      if (statusCode.isGood()) shortened += revisedQueueSize < queueSize ? 1 : 0;
      else
        refusals.push({ item, quality: qualityOf(statusCode.value), reason: `${item.node.text}: ${statusCode.name}` });
    }
    next += call.length;
  }
  return { refusals, shortened };
}

type Call = readonly { nodeId: NodeId; queueSize: number; clientHandle: number; item: Item }[];

/** Faults that say "less at once"; anything else, or a single item that is too many, is passed on. */
const tooMuch = ['BadTooManyOperations', 'BadEncodingLimitsExceeded', 'BadRequestTooLarge', 'BadResponseTooLarge'];

/** null: the server can't take so many at once, and `facts` says so now. */
async function create(session: Session, subscriptionId: number, call: Call, facts: ServerFacts) {
  try {
    const response = await session.createMonitoredItems({
      subscriptionId,
      timestampsToReturn: TimestampsToReturn.Both,
      itemsToCreate: call.map(({ nodeId, queueSize, clientHandle, item }) => ({
        itemToMonitor: { nodeId, attributeId: AttributeIds.Value },
        monitoringMode: MonitoringMode.Reporting,
        requestedParameters: { clientHandle, queueSize, samplingInterval: item.samplingMs, discardOldest: true },
      })),
    });
    return response.results ?? [];
  } catch (error) {
    if (call.length === 1 || !tooMuch.some((status) => mentions(error, status))) throw error;
    facts.itemsPerCall = Math.floor(call.length / 2);
    return null;
  }
}
