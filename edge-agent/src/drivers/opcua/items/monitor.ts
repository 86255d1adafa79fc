/** Creates monitored items in calls that the server can take; what it refuses is data, item by item. */
import { type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import { eventFilter, refusedParts } from '../events/event-filter.ts';
import {
  AttributeIds,
  answerOf,
  type DataChangeFilter,
  type EventFilter,
  type ModifyMonitoredItemsResponse,
  type MonitoredItemCreateResult,
  MonitoringMode,
  type NodeId,
  type Session,
  TimestampsToReturn,
} from '../library.ts';
import { resolveAddresses } from '../nodes/node-address.ts';
import { queueSizeFor, type SubscriptionPlan } from '../plan.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { mentions } from '../trouble.ts';
import { learnItems } from '../values/learn-items.ts';
import { qualityOf } from '../values/status.ts';
import type { Item } from './item.ts';
import { isFilterRefused, requestedFilter } from './item-filter.ts';

/** In place of the id of an item that is read: servers count theirs from 1. */
export const nothingAtServer = 0;

export type Monitored = {
  readonly kind: 'monitored';
  readonly item: Item;
  readonly nodeId: NodeId;
  readonly monitoredItemId: number;
  /** Values or events that the server keeps, as it has granted. */
  readonly queueSize: number;
  /** The server keeps fewer values than it may sample between two publishes. */
  readonly isQueueShort: boolean;
  /** Why the server reports every change, or events with fewer fields, where a filter was asked for; else null. */
  readonly filterRefusal: string | null;
};
export type Refused = {
  readonly kind: 'refused';
  readonly item: Item;
  readonly quality: QualityCode;
  readonly reason: string;
  /** What is asked for can be right at no server: it is for the settings to change. */
  readonly isInvalid: boolean;
};

export type SubscriptionAtServer = {
  readonly subscriptionId: number;
  readonly publishingMs: number;
  readonly plan: SubscriptionPlan;
};

type Request = {
  readonly item: Item;
  readonly nodeId: NodeId;
  readonly clientHandle: number;
  readonly queueSize: number;
  readonly attributeId: AttributeIds;
  readonly filter: DataChangeFilter | EventFilter | null;
  readonly filterRefusal: string | null;
};
type Created = Request & {
  readonly monitoredItemId: number;
  readonly revisedQueueSize: number;
  readonly neededQueueSize: number;
};

export type Outcomes = {
  /** One for each item. */
  readonly outcomes: readonly (Monitored | Refused)[];
  /** Why the types of nodes are not known; values come all the same, enumerations as numbers and structures as bytes. */
  readonly untold: unknown;
};

export async function monitorItems(
  session: Session,
  subscription: SubscriptionAtServer,
  items: readonly Item[],
  facts: ServerFacts,
): Promise<Outcomes> {
  const { plan, publishingMs } = subscription;
  const { found, refused } = await findNodes(session, items, facts);
  const untold = await learnItems(session, facts, found);
  const handles = new Map(plan.items.map((item, position) => [item, position]));
  const requests = found.map((each): Request => {
    const { item } = each;
    const queueSize = item.events?.plan.queueSize ?? plan.queueSize ?? queueSizeFor(publishingMs, item.samplingMs);
    return { ...each, clientHandle: handles.get(item) ?? 0, queueSize, filterRefusal: null };
  });
  const first = await create(session, subscription, requests, facts);
  const second = await create(session, subscription, first.withLess, facts);
  const created = [...first.created, ...second.created];
  const lengthened =
    plan.queueSize === null ? await lengthen(session, subscription, created, facts) : new Map<number, number>();
  const monitored = created.map((each): Monitored => {
    const { item, nodeId, monitoredItemId, filterRefusal } = each;
    const queueSize = lengthened.get(monitoredItemId) ?? each.revisedQueueSize;
    const isQueueShort = queueSize < each.neededQueueSize;
    return { kind: 'monitored', item, nodeId, monitoredItemId, queueSize, isQueueShort, filterRefusal };
  });
  return { outcomes: [...monitored, ...refused, ...first.refused, ...second.refused], untold };
}

/** For items that are read: the server needs to know nothing of them. */
export async function findItems(session: Session, items: readonly Item[], facts: ServerFacts): Promise<Outcomes> {
  const { found, refused } = await findNodes(
    session,
    items.filter(({ events }) => events === null),
    facts,
  );
  const untold = await learnItems(session, facts, found);
  const known = found.map(({ item, nodeId }): Monitored => {
    return {
      kind: 'monitored',
      item,
      nodeId,
      monitoredItemId: nothingAtServer,
      queueSize: Number.POSITIVE_INFINITY,
      isQueueShort: false,
      filterRefusal: null,
    };
  });
  const unreadable = items.filter(({ events }) => events !== null).map(eventsUnreadable);
  return { outcomes: [...known, ...refused, ...unreadable], untold };
}

const eventsUnreadable = (item: Item): Refused => ({
  kind: 'refused',
  item,
  quality: qualityCode('bad/refused'),
  reason: 'events come by subscriptions only, and values of this device are read',
  isInvalid: true,
});

/** The nodes of the items as the server has them now; those that it does not have are refused before anything is asked of them. */
async function findNodes(session: Session, items: readonly Item[], facts: ServerFacts) {
  const found: Found[] = [];
  const refused: Refused[] = [];
  for (const { item, resolved } of await resolveAddresses(session, items, facts)) {
    const asked = 'nodeId' in resolved ? whatToMonitor(item, resolved.nodeId, facts.namespaces) : resolved;
    if ('nodeId' in asked) found.push({ item, ...asked });
    else {
      const quality = qualityCode('bad/address');
      refused.push({ kind: 'refused', item, quality, reason: asked.reason, isInvalid: false });
    }
  }
  return { found, refused };
}

/** Where the name of the status says too little of what to do. */
const remedies = new Map([
  ['BadEventFilterInvalid', ', the server does not know the type or a field of these events: see events of the tag'],
  ['BadTooManyMonitoredItems', ', the server has no room for more items: raise its limit, or state fewer tags'],
]);

type Found = Pick<Request, 'item' | 'nodeId' | 'attributeId' | 'filter'>;

function whatToMonitor(
  { events, filter }: Item,
  nodeId: NodeId,
  namespaces: readonly string[],
): Omit<Found, 'item'> | { readonly reason: string } {
  if (events === null) return { nodeId, attributeId: AttributeIds.Value, filter: requestedFilter(filter) };
  const built = eventFilter(events.plan, namespaces);
  return 'reason' in built ? built : { nodeId, attributeId: AttributeIds.EventNotifier, filter: built.filter };
}

type Creation = {
  readonly created: Created[];
  readonly refused: Refused[];
  /** Whose filter alone was refused: to be asked for with what the server takes of it. */
  readonly withLess: Request[];
};

async function create(
  session: Session,
  { subscriptionId, publishingMs, plan }: SubscriptionAtServer,
  requests: readonly Request[],
  { limits, namespaces }: ServerFacts,
): Promise<Creation> {
  const results = await inCalls(limits.monitor, requests, async (some) => {
    const response = await session.createMonitoredItems({
      subscriptionId,
      timestampsToReturn: TimestampsToReturn.Both,
      itemsToCreate: some.map((request) => ({
        itemToMonitor: { nodeId: request.nodeId, attributeId: request.attributeId },
        monitoringMode: MonitoringMode.Reporting,
        requestedParameters: parametersOf(request),
      })),
    });
    return response.results ?? [];
  });
  const creation: Creation = { created: [], refused: [], withLess: [] };
  for (const [position, result] of results.entries()) {
    const request = requests[position];
    if (request === undefined) continue;
    const { item } = request;
    const { statusCode, monitoredItemId, revisedQueueSize, revisedSamplingInterval } = result;
    const { name } = statusCode;
    const less = statusCode.isGood() ? null : withLess(request, result, namespaces);
    if (statusCode.isGood()) {
      const asked = item.events?.plan.queueSize ?? plan.queueSize;
      const neededQueueSize = asked ?? queueSizeFor(publishingMs, revisedSamplingInterval);
      creation.created.push({ ...request, monitoredItemId, revisedQueueSize, neededQueueSize });
    } else if (less !== null) {
      creation.withLess.push(less);
    } else {
      const isInvalid = name === 'BadNodeIdInvalid';
      const reason = `${item.node.text}: ${name}${remedies.get(name) ?? ''}`;
      creation.refused.push({ kind: 'refused', item, quality: qualityOf(statusCode.value), reason, isInvalid });
    }
  }
  return creation;
}

/** null where the filter is not what was refused, or there is nothing less to ask for. */
function withLess(
  request: Request,
  { statusCode, filterResult }: MonitoredItemCreateResult,
  namespaces: readonly string[],
): Request | null {
  const { item, filter } = request;
  if (filter === null || request.filterRefusal !== null || !isFilterRefused(statusCode.name)) return null;
  const asked = { ...request, filterRefusal: statusCode.name };
  if (item.events === null) return { ...asked, filter: null };
  const built = eventFilter(item.events.plan, namespaces, refusedParts(filterResult));
  return 'reason' in built ? null : { ...asked, filter: built.filter };
}

/**
 * Where the server samples faster than it was asked to, or publishes more slowly, the queue that was asked for is too short. The length
 * that it grants then, by the id of the item.
 */
async function lengthen(
  session: Session,
  { subscriptionId }: SubscriptionAtServer,
  created: readonly Created[],
  { limits }: ServerFacts,
): Promise<Map<number, number>> {
  const short = created.filter(({ revisedQueueSize, neededQueueSize, queueSize }) => {
    return revisedQueueSize < neededQueueSize && queueSize < neededQueueSize;
  });
  try {
    const results = await inCalls(limits.monitor, short, async (some) => {
      const itemsToModify = some.map((each) => ({
        monitoredItemId: each.monitoredItemId,
        requestedParameters: parametersOf({ ...each, queueSize: each.neededQueueSize }),
      }));
      const request = { subscriptionId, timestampsToReturn: TimestampsToReturn.Both, itemsToModify };
      const response = await answerOf<ModifyMonitoredItemsResponse>((answer) =>
        session.modifyMonitoredItems(request, answer),
      );
      return response.results ?? [];
    });
    const lengths = short.map(({ monitoredItemId, revisedQueueSize }, position) => {
      const result = results[position];
      return [monitoredItemId, result?.statusCode.isGood() ? result.revisedQueueSize : revisedQueueSize] as const;
    });
    return new Map(lengths);
  } catch (error) {
    if (!mentions(error, 'BadServiceUnsupported')) throw error;
    return new Map();
  }
}

const parametersOf = ({ clientHandle, queueSize, item, filter }: Request) => ({
  clientHandle,
  queueSize,
  samplingInterval: item.events === null ? item.samplingMs : 0,
  discardOldest: true,
  ...(filter === null ? {} : { filter }),
});

/** What the server says to each does not matter: it has forgotten them, or does so now. */
export async function forgetItems(
  session: Session,
  { subscriptionId }: SubscriptionAtServer,
  monitoredItemIds: readonly number[],
  { limits }: ServerFacts,
): Promise<void> {
  await inCalls(limits.monitor, monitoredItemIds, async (some) => {
    const response = await session.deleteMonitoredItems({ subscriptionId, monitoredItemIds: [...some] });
    return response.results ?? [];
  });
}
