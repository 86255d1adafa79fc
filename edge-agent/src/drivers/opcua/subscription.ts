/** The subscription of one device: its items outlive the sessions that carry them, so that nothing is said twice. */
import { FieldlineError, type Micros, type QualityCode, qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { DriverContext } from '../driver.ts';
import { type Item, markItem, takeDataValue } from './item.ts';
import { DataChangeNotification, type NotificationMessage, type Session, StatusChangeNotification } from './library.ts';
import { createLosses } from './losses.ts';
import type { OpcuaMetrics } from './metrics.ts';
import { monitorItems, type Refusal } from './monitor.ts';
import { type SubscriptionPlan, subscriptionParameters } from './plan.ts';
import type { Subscriber } from './publish.ts';
import type { ServerFacts } from './server-facts.ts';
import { microsOf } from './time.ts';

export type DeviceSubscription = {
  readonly device: string;
  readonly create: (session: Pick<Session, 'createSubscription'>) => Promise<Subscriber>;
  /** Asks for the items that are not there yet; true if all are there now. */
  readonly reconcile: (session: Session, facts: ServerFacts) => Promise<boolean>;
  /** The session is gone: every tag is bad from now on. */
  readonly disconnect: () => void;
  readonly flushLosses: () => void;
  /** null if the server has all nodes. */
  readonly trouble: () => string | null;
};

const lastSequenceNumber = 0xffff_ffff;

export function createDeviceSubscription(
  plan: SubscriptionPlan,
  context: DriverContext,
  metrics: OpcuaMetrics,
): DeviceSubscription {
  const { device, items } = plan;
  const log = context.log.child({ device });
  const losses = createLosses(context.declare);
  const of = { device };
  let created: { subscriptionId: number; publishingMs: number } | null = null;
  let missing: readonly Item[] = items;
  let refusals: readonly Refusal[] = [];
  let lastMessage: { readonly sequenceNumber: number; readonly time: Micros } | null = null;
  /** How far the server's clock is behind ours: our own samples go by the clock that the others of the tag go by. */
  let serverBehind: Micros = 0;

  const mark = (marked: readonly { item: Item; quality: QualityCode }[]): void => {
    const now = context.clock.now() - serverBehind;
    const samples = marked.flatMap(({ item, quality }) =>
      item.members.flatMap((member) => markItem(member, quality, now) ?? []),
    );
    if (samples.length > 0) context.emit(samples);
  };

  const onData = ({ monitoredItems }: DataChangeNotification, arrival: Micros): void => {
    const samples: Sample[] = [];
    const notified = monitoredItems ?? [];
    for (const { clientHandle, value } of notified) {
      const item = items[clientHandle];
      if (item === undefined) continue;
      for (const member of item.members) {
        const { sample, lost } = takeDataValue(member, value, arrival);
        if (sample === null) metrics.repeated.inc(of);
        else samples.push(sample);
        if (lost === null) continue;
        if (member === item) metrics.overflows.inc(of);
        losses.add(member.tag, lost);
      }
    }
    metrics.notifications.inc(of);
    metrics.values.inc(of, notified.length);
    if (samples.length > 0) context.emit(samples);
  };

  /** A message that never came: a keep-alive does not count, the number after the last is 1 (OPC 10000-4 5.14.1.1). */
  const noteSequence = (sequenceNumber: number, time: Micros): void => {
    const expected = lastMessage === null ? sequenceNumber : (lastMessage.sequenceNumber % lastSequenceNumber) + 1;
    if (lastMessage !== null && sequenceNumber !== expected) {
      const from = Math.min(lastMessage.time, time);
      log.warn({ expected, received: sequenceNumber }, 'messages of the subscription are missing; declared as lost');
      context.declare({ kind: 'series', device, tag: null, from, to: time, samples: null, reason: 'source-overflow' });
    }
    lastMessage = { sequenceNumber, time };
  };

  const onMessage = ({ sequenceNumber, publishTime, notificationData }: NotificationMessage): Error | null => {
    const arrival = context.clock.now();
    const published = microsOf(publishTime, 0) ?? arrival;
    serverBehind = arrival - published;
    noteSequence(sequenceNumber, published);
    for (const data of notificationData ?? []) {
      if (data instanceof DataChangeNotification) onData(data, arrival);
      else if (data instanceof StatusChangeNotification) {
        return new FieldlineError('device/exception', `the server ended the subscription: ${data.status.name}`);
      }
    }
    return null;
  };

  return {
    device,
    create: async (session) => {
      const revised = await session.createSubscription(subscriptionParameters(plan));
      const { subscriptionId, revisedPublishingInterval, revisedMaxKeepAliveCount } = revised;
      created = { subscriptionId, publishingMs: revisedPublishingInterval };
      missing = items;
      lastMessage = null;
      const keepAliveMs = revisedPublishingInterval * revisedMaxKeepAliveCount;
      return { device, subscriptionId, keepAliveMs, onMessage };
    },
    reconcile: async (session, facts) => {
      if (created === null) throw new Error('reconcile before create');
      const result = await monitorItems(session, { ...created, plan }, missing, facts);
      if (result.shortened > 0) {
        log.warn(
          { items: result.shortened },
          'the server keeps fewer values per item than asked for: overflows may come',
        );
      }
      mark(result.refusals);
      logChange(log, refusals, result.refusals);
      refusals = result.refusals;
      missing = refusals.map(({ item }) => item);
      metrics.refusedItems.set(of, refusals.length);
      return refusals.length === 0;
    },
    disconnect: () => {
      created = null;
      losses.flush();
      mark(items.map((item) => ({ item, quality: qualityCode('bad/not-connected') })));
    },
    flushLosses: losses.flush,
    trouble: () => {
      const [first] = refusals;
      if (first === undefined) return null;
      return `the server refuses ${refusals.length} of ${items.length} nodes, first ${first.item.tag.tag}: ${first.reason}`;
    },
  };
}

/** More than these in one line help nobody. */
const maxReasonsLogged = 20;

function logChange(log: DriverContext['log'], before: readonly Refusal[], now: readonly Refusal[]): void {
  const known = new Set(before.map(({ item, reason }) => `${item.tag.tag} ${reason}`));
  const fresh = now.filter(({ item, reason }) => !known.has(`${item.tag.tag} ${reason}`));
  const reasons = fresh.slice(0, maxReasonsLogged).map(({ item, reason }) => `${item.tag.tag}: ${reason}`);
  if (fresh.length > 0)
    log.warn({ refused: now.length, reasons }, 'the server refuses nodes; correct them, or wait for the server');
  else if (before.length > now.length) log.info({ refused: now.length }, 'the server has nodes that it refused before');
}
