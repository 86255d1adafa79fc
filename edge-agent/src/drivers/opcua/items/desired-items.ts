/**
 * The items that a subscription should have, reconciled with those that it has. Invariants:
 *  - an item is monitored, or it is missing; what the server has refused has its reason and a timer of its own, which grows;
 *  - what is refused never holds up the others;
 *  - an item that has died at the server is forgotten there before it is asked for again, so it never reports twice.
 */
import type { QualityCode } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { NodeId, Session } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { readNamespaces, type ServerFacts } from '../session/server-facts.ts';
import type { Item } from './item.ts';
import { type Monitored, nothingAtServer, type Outcomes, type Refused } from './monitor.ts';

/** Pauses between attempts to get a node that the server refuses; one that is invalid at any server waits the longest from the start. */
export type NodeRetry = { readonly firstMs: number; readonly maxMs: number };

/** What has the items at the server: a subscription, or nothing, where they are read. */
export type ItemServices = {
  readonly ask: (items: readonly Item[]) => Promise<Outcomes>;
  readonly forget: (monitoredItemIds: readonly number[]) => Promise<void>;
};

export type DesiredItems = {
  /** The server has a new subscription, without items. */
  readonly reset: () => void;
  /** Asks for what is missing and due; gives what the server has refused. */
  readonly reconcile: (session: Session, facts: ServerFacts, services: ItemServices) => Promise<readonly Refused[]>;
  /** The server does not report this item any more, though it took it. */
  readonly renew: (item: Item, reason: string) => void;
  /** What the server reports proves that the item lives. */
  readonly heard: (item: Item) => void;
  /** Milliseconds until something is due; Infinity where nothing is missing. */
  readonly dueInMs: () => number;
  /** null for what is missing. */
  readonly nodeOf: (item: Item) => NodeId | null;
  /** What the server keeps of it between two publishes; Infinity where that is not known. A server that grants 0 keeps one. */
  readonly queueOf: (item: Item) => number;
  /** Those that the server did not take when they were asked for last. */
  readonly refused: () => readonly Pick<Refused, 'item' | 'quality'>[];
  /** null if the server has all nodes. */
  readonly trouble: () => string | null;
  /** What is not as asked for and costs nothing; null if all is. */
  readonly note: () => string | null;
};

/** `reason`: null for what was not asked for yet. `quality`: what the server has made of it, where it said no. */
type Missing = { readonly reason: string | null; readonly quality: QualityCode | null; readonly dueMs: number };

export function createDesiredItems(
  { device, items }: SubscriptionPlan,
  parts: { readonly clock: Clock; readonly log: Log; readonly metrics: OpcuaMetrics; readonly retry: NodeRetry },
): DesiredItems {
  const { clock, log, metrics, retry } = parts;
  const missing = new Map<Item, Missing>();
  const monitored = new Map<Item, Monitored>();
  /** The last pause of those that were refused, or died, since they reported last. */
  const pauses = new Map<Item, number>();
  let dead: number[] = [];

  /** A device may have several of these. */
  let counted = 0;
  const countRefused = (): void => {
    const now = refusals().length;
    metrics.refusedItems.inc({ device }, now - counted);
    counted = now;
  };

  const reset = (): void => {
    monitored.clear();
    dead = [];
    for (const item of items) missing.set(item, { reason: null, quality: null, dueMs: 0 });
  };
  reset();

  const putOff = (item: Item, reason: string, quality: QualityCode | null, isInvalid = false): void => {
    const before = pauses.get(item);
    const pauseMs = isInvalid ? retry.maxMs : Math.min(retry.maxMs, before === undefined ? retry.firstMs : before * 2);
    pauses.set(item, pauseMs);
    missing.set(item, { reason, quality, dueMs: clock.monotonicMs() + pauseMs });
  };

  const refusals = (): [Item, string][] =>
    [...missing].flatMap(([item, { reason }]) => (reason === null ? [] : [[item, reason] as [Item, string]]));

  const note = (): string | null => {
    const unfiltered = [...monitored.values()].filter(
      ({ item, filterRefusal }) => item.events === null && filterRefusal !== null,
    );
    const [first] = unfiltered;
    if (first === undefined) return null;
    return `${device}: the server does not filter ${unfiltered.length} of ${items.length} nodes, first ${first.item.tag.tag}: ${first.filterRefusal}; it sends every change of them, and the agent holds back what its own deadband does`;
  };
  let saidNote: string | null = null;

  const logOddities = (outcomes: readonly (Monitored | Refused)[]): void => {
    const short = outcomes.filter((outcome) => outcome.kind === 'monitored' && outcome.isQueueShort).length;
    if (short > 0)
      log.warn({ items: short }, 'the server keeps fewer values per item than asked for: overflows may come');
    const now = note();
    if (now !== null && now !== saidNote) log.warn(now);
    saidNote = now;
  };

  const take = (outcomes: readonly (Monitored | Refused)[]): Refused[] => {
    const before = new Map(refusals());
    const refused: Refused[] = [];
    for (const outcome of outcomes) {
      const { item } = outcome;
      if (outcome.kind === 'refused') {
        refused.push(outcome);
        putOff(item, outcome.reason, outcome.quality, outcome.isInvalid);
        continue;
      }
      missing.delete(item);
      monitored.set(item, outcome);
    }
    logChange(log, before, new Map(refusals()));
    return refused;
  };

  return {
    reset,
    reconcile: async (session, facts, services) => {
      if (dead.length > 0) {
        await services.forget(dead);
        dead = [];
      }
      const now = clock.monotonicMs();
      const due = [...missing].filter(([, { dueMs }]) => dueMs <= now);
      if (due.length === 0) return [];
      if (due.some(([, { reason }]) => reason !== null)) facts.namespaces = await readNamespaces(session);
      const wanted = due.map(([item]) => item);
      const { outcomes, untold } = await services.ask(wanted);
      if (untold !== null) log.warn({ err: untold }, 'the server does not tell the types of its nodes');
      const refused = take(outcomes);
      countRefused();
      logOddities(outcomes);
      return refused;
    },
    renew: (item, reason) => {
      const known = monitored.get(item);
      if (known === undefined) return;
      monitored.delete(item);
      putOff(item, reason, null);
      if (known.monitoredItemId === nothingAtServer) return;
      dead.push(known.monitoredItemId);
      metrics.renewedItems.inc({ device });
      log.warn({ tag: item.tag.tag, reason }, 'an item has died at the server; it is asked for again');
    },
    heard: (item) => void (pauses.size > 0 && pauses.delete(item)),
    dueInMs: () => {
      if (dead.length > 0) return 0;
      const first = [...missing.values()].reduce(
        (least, { dueMs }) => Math.min(least, dueMs),
        Number.POSITIVE_INFINITY,
      );
      return Math.max(0, first - clock.monotonicMs());
    },
    nodeOf: (item) => monitored.get(item)?.nodeId ?? null,
    queueOf: (item) => Math.max(1, monitored.get(item)?.queueSize ?? Number.POSITIVE_INFINITY),
    refused: () => [...missing].flatMap(([item, { quality }]) => (quality === null ? [] : { item, quality })),
    trouble: () => {
      const refused = refusals();
      const [first] = refused;
      if (first === undefined) return null;
      const [item, reason] = first;
      return `the server refuses ${refused.length} of ${items.length} nodes, first ${item.tag.tag}: ${reason}`;
    },
    note,
  };
}

/** More than these in one line help nobody. */
const maxReasonsLogged = 20;

function logChange(log: Log, before: ReadonlyMap<Item, string>, now: ReadonlyMap<Item, string>): void {
  const fresh = [...now].filter(([item, reason]) => before.get(item) !== reason);
  const reasons = fresh.slice(0, maxReasonsLogged).map(([item, reason]) => `${item.tag.tag}: ${reason}`);
  if (fresh.length > 0)
    log.warn({ refused: now.size, reasons }, 'the server refuses nodes; correct them, or wait for the server');
  else if (before.size > now.size)
    log.info({ refused: now.size }, 'the server takes items again that it did not have, or had refused');
}
