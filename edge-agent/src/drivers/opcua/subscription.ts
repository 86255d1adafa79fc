/** The subscription of one device: its items outlive the sessions that carry them, so that nothing is said twice. */
import { FieldlineError, type Micros, type QualityCode, qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { DriverContext } from '../driver.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { type Item, markItem, restateItem, takeDataValue } from './item.ts';
import {
  DataChangeNotification,
  type NotificationMessage,
  type Session,
  StatusChangeNotification,
  StatusCodes,
} from './library.ts';
import { createLosses } from './losses.ts';
import { createMessageOrder, isKeepAlive, type MessageOrder } from './message-order.ts';
import type { OpcuaMetrics } from './metrics.ts';
import { monitorItems, type Refusal } from './monitor.ts';
import { type SubscriptionPlan, subscriptionParameters } from './plan.ts';
import type { Subscriber } from './publish.ts';
import type { ServerFacts } from './server-facts.ts';
import { microsOf } from './time.ts';
import { deleteSubscription, transferSubscription } from './transfer.ts';

export type SubscribedSession = Pick<
  Session,
  'createSubscription' | 'deleteSubscriptions' | 'transferSubscriptions' | 'republish'
>;

export type DeviceSubscription = {
  readonly device: string;
  /** Goes on with what the server still has of the subscription, else makes it anew. */
  readonly bring: (session: SubscribedSession) => Promise<Subscriber>;
  /** What the server has of it is of no more use: the next `bring` makes it anew. */
  readonly forget: () => void;
  /** Asks for the items that are not there yet; true if all are there now. */
  readonly reconcile: (session: Session, facts: ServerFacts) => Promise<boolean>;
  /** The server cannot be reached: every tag is bad since it was last heard. */
  readonly disconnect: () => void;
  readonly flushLosses: () => void;
  /** null if the server has all nodes. */
  readonly trouble: () => string | null;
};

/** What the server has of the subscription. */
type AtServer = {
  readonly subscriptionId: number;
  readonly publishingMs: number;
  readonly keepAliveMs: number;
  readonly order: MessageOrder;
  readonly ended: PromiseWithResolvers<never>;
  session: SubscribedSession;
  isUsable: boolean;
  /** Since it was brought. */
  isHeard: boolean;
};

const notConnected = qualityCode('bad/not-connected');

export function createDeviceSubscription(
  plan: SubscriptionPlan,
  context: DriverContext,
  metrics: OpcuaMetrics,
  acknowledgements: Acknowledgements,
): DeviceSubscription {
  const { device, items } = plan;
  const log = context.log.child({ device });
  const losses = createLosses(context.declare);
  const of = { device };
  let atServer: AtServer | null = null;
  let missing: readonly Item[] = items;
  let refusals: readonly Refusal[] = [];
  /** Until when we know all that the server had to say, by its own clock: our own samples go by the clock of the others of the tag. */
  let heardUntil: Micros | null = null;

  /** How far that clock is behind ours. */
  let serverBehind: Micros = 0;

  const serverNow = (): Micros => context.clock.now() - serverBehind;

  const mark = (marked: readonly { item: Item; quality: QualityCode }[], at: Micros): void => {
    const samples = marked.flatMap(({ item, quality }) =>
      item.members.flatMap((member) => markItem(member, quality, at) ?? []),
    );
    if (samples.length > 0) context.emit(samples);
  };

  const disconnect = (): void => {
    losses.flush();
    mark(
      items.map((item) => ({ item, quality: notConnected })),
      heardUntil ?? serverNow(),
    );
  };

  const restate = (): void => {
    const marked = items.flatMap(({ members }) => members).filter((each) => each.marked === notConnected);
    const samples = marked.flatMap((each) => restateItem(each) ?? []);
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

  const deliver = (known: AtServer, message: NotificationMessage, isRepublished: boolean): void => {
    const { sequenceNumber, publishTime, notificationData } = message;
    const arrival = context.clock.now();
    const published = microsOf(publishTime, 0) ?? arrival - serverBehind;
    heardUntil = published;
    if (isRepublished) metrics.republished.inc(of);
    else serverBehind = arrival - published;
    known.isHeard ||= !isRepublished;
    for (const data of notificationData ?? []) {
      if (data instanceof DataChangeNotification) onData(data, arrival);
      else if (data instanceof StatusChangeNotification) onStatusChange(known, data.status);
    }
    if (isKeepAlive(message)) return;
    const { subscriptionId } = known;
    context.whenKept(() => acknowledgements.add({ subscriptionId, sequenceNumber }));
  };

  const onStatusChange = (known: AtServer, status: StatusChangeNotification['status']): void => {
    // The message to the session that the subscription was taken from, by ourselves.
    if (status.equals(StatusCodes.GoodSubscriptionTransferred)) return;
    known.isUsable = false;
    known.ended.reject(new FieldlineError('device/exception', `the server ended the subscription: ${status.name}`));
  };

  const onMissing = (count: number, before: NotificationMessage): void => {
    const to = microsOf(before.publishTime, 0) ?? serverNow();
    const from = Math.min(heardUntil ?? to, to);
    metrics.missingMessages.inc(of, count);
    log.warn(
      { messages: count },
      'the server no longer has messages of the subscription that never came; declared as lost',
    );
    context.declare({ kind: 'series', device, tag: null, from, to, samples: null, reason: 'source-overflow' });
  };

  const create = async (session: SubscribedSession): Promise<AtServer> => {
    if (atServer !== null) {
      disconnect();
      const { subscriptionId } = atServer;
      acknowledgements.forget(subscriptionId);
      if (atServer.session === session) await deleteSubscription(session, subscriptionId);
    }
    const revised = await session.createSubscription(subscriptionParameters(plan));
    const { subscriptionId, revisedPublishingInterval: publishingMs, revisedMaxKeepAliveCount } = revised;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    missing = items;
    const created: AtServer = {
      subscriptionId,
      publishingMs,
      keepAliveMs: publishingMs * revisedMaxKeepAliveCount,
      session,
      ended,
      isUsable: true,
      isHeard: false,
      order: createMessageOrder({
        session,
        subscriptionId,
        deliver: (message, isRepublished) => deliver(created, message, isRepublished),
        onMissing,
        onRepeated: () => metrics.repeated.inc(of),
      }),
    };
    return created;
  };

  /** False: the server has it no more, or it was of no use. */
  const resume = async (known: AtServer, session: SubscribedSession): Promise<boolean> => {
    if (!known.isUsable) return false;
    if (known.session !== session) {
      if (!(await transferSubscription(session, known.subscriptionId))) return false;
      known.session = session;
      known.order.session = session;
      metrics.transfers.inc(of);
    }
    known.isHeard = false;
    if (!(await known.order.catchUp())) return false;
    restate();
    metrics.resumes.inc(of);
    return true;
  };

  return {
    device,
    bring: async (session) => {
      const isResumed = atServer !== null && (await resume(atServer, session));
      const brought = isResumed && atServer !== null ? atServer : await create(session);
      atServer = brought;
      const { subscriptionId, keepAliveMs, order } = brought;
      const onSilent = (): void => {
        // Silent ever since: to go on with it once more would only repeat that.
        if (!brought.isHeard) brought.isUsable = false;
      };
      return { device, subscriptionId, keepAliveMs, onMessage: order.take, onSilent, ended: brought.ended.promise };
    },
    forget: () => {
      if (atServer !== null) atServer.isUsable = false;
    },
    reconcile: async (session, facts) => {
      if (atServer === null) throw new Error('reconcile before bring');
      const result = await monitorItems(session, { ...atServer, plan }, missing, facts);
      if (result.shortened > 0) {
        log.warn(
          { items: result.shortened },
          'the server keeps fewer values per item than asked for: overflows may come',
        );
      }
      if (result.untold !== null) log.warn({ err: result.untold }, 'the server does not tell the types of its nodes');
      mark(result.refusals, serverNow());
      logChange(log, refusals, result.refusals);
      refusals = result.refusals;
      missing = refusals.map(({ item }) => item);
      metrics.refusedItems.set(of, refusals.length);
      return refusals.length === 0;
    },
    disconnect,
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
