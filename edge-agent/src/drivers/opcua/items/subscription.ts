/** The subscription of one device: its items outlive the sessions that carry them, so that nothing is said twice. */
import { FieldlineError, type Micros, type QualityCode, qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import { createEventIntake } from '../events/event-intake.ts';
import { createGaps, type Gaps, gapOf } from '../history/gaps.ts';
import {
  DataChangeNotification,
  EventNotificationList,
  type NotificationMessage,
  type Session,
  StatusChangeNotification,
  StatusCodes,
} from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import { type SubscriptionPlan, subscriptionParameters } from '../plan.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { saysNodeVanished } from '../values/status.ts';
import { microsOf } from '../values/time.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { createDesiredItems, type NodeRetry } from './desired-items.ts';
import { type Item, markItem, restateItem, takeDataValue } from './item.ts';
import { createLosses } from './losses.ts';
import { createMessageOrder, isKeepAlive, type MessageOrder, type Republishes } from './message-order.ts';
import { forgetItems, monitorItems } from './monitor.ts';
import type { Subscriber } from './publish.ts';
import { recallItems } from './recall.ts';
import { createSilence } from './silence.ts';
import { deleteSubscription, transferSubscription } from './transfer.ts';

export type SubscribedSession = Republishes &
  Pick<Session, 'createSubscription' | 'deleteSubscriptions' | 'transferSubscriptions'>;

export type DeviceSubscription = {
  readonly device: string;
  /** Goes on with what the server still has of the subscription, else makes it anew. */
  readonly bring: (session: SubscribedSession) => Promise<Subscriber>;
  /** What the server has of it is of no more use: the next `bring` makes it anew. */
  readonly forget: () => void;
  /** Asks for the items that are missing, and looks into those that are silent; gives the milliseconds until some are due again. */
  readonly reconcile: (session: Session, facts: ServerFacts) => Promise<number>;
  /** The server cannot be reached: every tag is bad since it was last heard. */
  readonly disconnect: () => void;
  /** Of what was missed while the server could not be heard: see there. */
  readonly fillGaps: Gaps['fill'];
  readonly flushLosses: () => void;
  /** Nothing is filled any more. */
  readonly end: () => void;
  /** null if the server has all nodes. */
  readonly trouble: () => string | null;
  /** What is good to know of it; null where there is nothing. */
  readonly note: () => string | null;
};

/** What the server has of the subscription. */
type AtServer = {
  readonly subscriptionId: number;
  readonly publishingMs: number;
  readonly keepAliveMs: number;
  /** By the clock of the server. */
  readonly madeAt: Micros;
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
  options: { readonly acknowledgements: Acknowledgements; readonly retryNodes: NodeRetry },
): DeviceSubscription {
  const { acknowledgements } = options;
  const { device, items } = plan;
  const log = context.log.child({ device });
  const losses = createLosses(context.declare);
  const startedAt = context.clock.now();
  recallItems(items, context, unsampledMicros);
  const of = { device };
  let atServer: AtServer | null = null;
  const desired = createDesiredItems(plan, { clock: context.clock, log, metrics, retry: options.retryNodes });
  const events = createEventIntake(plan, context, { metrics, losses });
  /** The silence of the others tells nothing: events come when there are some. */
  const ofValues = items.filter(({ events }) => events === null);
  const gaps = createGaps({ ...plan, items: ofValues }, context, { metrics, nodeOf: desired.nodeOf });
  const silence = createSilence({ ...plan, items: ofValues }, desired, { clock: context.clock, metrics });
  /** Until when we know all that the server had to say, by its own clock: our own samples go by the clock of the others of the tag. */
  let heardUntil: Micros | null = null;

  /** How far that clock is behind ours. */
  let serverBehind: Micros = 0;

  /** What has so old a time of its source when the server is heard may not be in what was heard. */
  function unsampledMicros({ samplingMs }: Item): Micros {
    return (samplingMs + plan.publishingMs) * 1_000;
  }

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

  /** The server forgets what it had for us: until it says how each node stands, nobody knows what has happened to that. */
  const openGaps = (): void => {
    const until = heardUntil;
    if (until === null) return;
    for (const item of items) {
      if (item.reported === null) continue;
      item.gapFrom ??= Math.max(item.reported.time, until - unsampledMicros(item));
    }
  };

  const restate = (): void => {
    const marked = items.flatMap(({ members }) => members).filter((each) => each.marked === notConnected);
    const samples = marked.flatMap((each) => restateItem(each) ?? []);
    if (samples.length > 0) context.emit(samples);
  };

  const onData = ({ monitoredItems }: DataChangeNotification, arrival: Micros, madeAt: Micros): void => {
    const samples: Sample[] = [];
    const notified = monitoredItems ?? [];
    for (const { clientHandle, value } of notified) {
      const item = items[clientHandle];
      if (item === undefined) continue;
      const { name } = value.statusCode;
      if (saysNodeVanished(value.statusCode.value)) desired.renew(item, `the server no longer has the node: ${name}`);
      else {
        desired.heard(item);
        silence.heard(item);
      }
      for (const member of item.members) {
        const { sample, lost, gap } = takeDataValue(member, value, arrival, madeAt);
        if (sample === null) metrics.repeated.inc(of);
        else samples.push(sample);
        if (gap !== null && member === item) gaps.add(gapOf(item, gap, startedAt - serverBehind));
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
    if (isRepublished) metrics.republished.inc(of);
    else serverBehind = arrival - published;
    known.isHeard ||= !isRepublished;
    for (const data of notificationData ?? []) {
      if (data instanceof DataChangeNotification) onData(data, arrival, known.madeAt);
      else if (data instanceof EventNotificationList) events.take(data, arrival);
      else if (data instanceof StatusChangeNotification) onStatusChange(known, data.status);
    }
    heardUntil = published;
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

  const onMissing = (messages: number, last: NotificationMessage, err?: unknown): void => {
    const to = microsOf(last.publishTime, 0) ?? serverNow();
    const from = Math.min(heardUntil ?? to, to);
    metrics.missingMessages.inc(of, messages);
    log.warn({ messages, err }, 'messages of the subscription never came, or cannot be read; declared as lost');
    context.declare({ kind: 'series', device, tag: null, from, to, samples: null, reason: 'source-overflow' });
  };

  const create = async (session: SubscribedSession): Promise<AtServer> => {
    if (atServer !== null) {
      disconnect();
      openGaps();
      const { subscriptionId } = atServer;
      acknowledgements.forget(subscriptionId);
      if (atServer.session === session) await deleteSubscription(session, subscriptionId);
    }
    const revised = await session.createSubscription(subscriptionParameters(plan));
    const { subscriptionId, revisedPublishingInterval: publishingMs, revisedMaxKeepAliveCount } = revised;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    desired.reset();
    events.reset();
    const created: AtServer = {
      subscriptionId,
      publishingMs,
      keepAliveMs: publishingMs * revisedMaxKeepAliveCount,
      madeAt: microsOf(revised.responseHeader.timestamp, 0) ?? serverNow(),
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
      const known = atServer;
      const at = { ...known, plan };
      const services = {
        ask: (wanted: readonly Item[]) => monitorItems(session, at, wanted, facts),
        forget: (ids: readonly number[]) => forgetItems(session, at, ids, facts),
      };
      const isMonitored = (item: Item): boolean => desired.nodeOf(item) !== null;
      const refused = await events
        .asking(session, known.subscriptionId, isMonitored, () => desired.reconcile(session, facts, services))
        .catch((error: unknown) => {
          // The server may have items now of which no answer has told us: they would report beside those that are asked for again.
          known.isUsable = false;
          throw error;
        });
      mark(refused, serverNow());
      const said = await silence.look(session, facts, serverNow());
      if (said.length > 0) context.emit(said);
      return Math.min(desired.dueInMs(), silence.dueInMs());
    },
    disconnect,
    fillGaps: gaps.fill,
    flushLosses: () => {
      losses.flush();
      gaps.flush();
    },
    end: () => {
      losses.flush();
      gaps.end();
    },
    trouble: () => [desired.trouble() ?? [], silence.trouble() ?? []].flat().join('; ') || null,
    note: desired.note,
  };
}
