/** The subscription of one device: its items outlive the sessions that carry them, so that nothing is said twice. */
import { FieldlineError, type Micros, type QualityCode, qualityCode } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import { createEventIntake } from '../events/event-intake.ts';
import type { Gaps } from '../history/gaps.ts';
import {
  DataChangeNotification,
  EventNotificationList,
  type NotificationMessage,
  type Session,
  StatusChangeNotification,
  StatusCodes,
} from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import { type SubscriptionPlan, subscriptionParameters, unsampledMicros } from '../plan.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { microsOf } from '../values/time.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { createDataIntake } from './data-intake.ts';
import { createDesiredItems, type DesiredItems, type NodeRetry } from './desired-items.ts';
import { createFullQueues } from './full-queues.ts';
import { closeGap, type Item, markItem, openGap, restateItem } from './item.ts';
import { createLosses } from './losses.ts';
import { createMessageOrder, isKeepAlive, type MessageOrder, type Republishes } from './message-order.ts';
import { forgetItems, monitorItems } from './monitor.ts';
import type { Subscriber } from './publish.ts';
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
  /** Others carry its items from now on. */
  readonly giveUp: () => void;
  readonly flushLosses: () => void;
  readonly nodeOf: DesiredItems['nodeOf'];
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
  options: { readonly acknowledgements: Acknowledgements; readonly retryNodes: NodeRetry; readonly gaps: Gaps },
): DeviceSubscription {
  const { acknowledgements, gaps } = options;
  const { device, items } = plan;
  const log = context.log.child({ device });
  const losses = createLosses({ ...context, log });
  const of = { device };
  let atServer: AtServer | null = null;
  const desired = createDesiredItems(plan, { clock: context.clock, log, metrics, retry: options.retryNodes });
  const events = createEventIntake(plan, context, { metrics, losses, queueOf: desired.queueOf });
  /** The silence of the others tells nothing: events come when there are some. */
  const ofValues = items.filter(({ events }) => events === null);
  const silence = createSilence({ ...plan, items: ofValues }, desired, { clock: context.clock, metrics, gaps });
  const fullQueues = createFullQueues(items, desired.queueOf);
  const data = createDataIntake(plan, context, { metrics, losses, gaps, desired, silence, fullQueues });
  /** Until when we know all that the server had to say, by its own clock: our own samples go by the clock of the others of the tag. */
  let heardUntil: Micros | null = null;

  /** How far that clock is behind ours. */
  let serverBehind: Micros = 0;

  const isMonitored = (item: Item): boolean => desired.nodeOf(item) !== null;

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

  const toldUntil = (item: Item, until: Micros): Micros =>
    Math.max(item.reported?.time ?? 0, until - unsampledMicros(item, plan));

  /** What the server had for us is gone: until it says how each node stands, nobody knows what has happened to that. */
  const openGaps = (): void => {
    const until = heardUntil;
    if (until === null) return;
    for (const item of items) {
      if (item.events === null) openGap(item, toldUntil(item, until));
      else if (isMonitored(item)) openGap(item, until);
    }
  };

  /** From now on events are heard: nothing says of those before whether there were any. */
  const closeEventGaps = (at: Micros): void => {
    const heard = items.filter((item) => item.events !== null && isMonitored(item));
    gaps.close(heard.flatMap((item) => closeGap(item, at) ?? []));
  };

  /** Of items that the server has, what it said last has held. What it has refused is as it was before the outage. */
  const restate = (): void => {
    mark(desired.refused(), heardUntil ?? serverNow());
    const marked = ofValues
      .filter(isMonitored)
      .flatMap(({ members }) => members)
      .filter((each) => each.marked === notConnected);
    const samples = marked.flatMap((each) => restateItem(each) ?? []);
    if (samples.length > 0) context.emit(samples);
  };

  const deliver = (known: AtServer, message: NotificationMessage, isRepublished: boolean): void => {
    const { sequenceNumber, publishTime, notificationData } = message;
    const arrival = context.clock.now();
    const published = microsOf(publishTime, 0) ?? arrival - serverBehind;
    if (isRepublished) metrics.republished.inc(of);
    else serverBehind = arrival - published;
    known.isHeard ||= !isRepublished;
    let isEnd = false;
    for (const notified of notificationData ?? []) {
      if (notified instanceof DataChangeNotification) data.take(notified, arrival, known.madeAt);
      else if (notified instanceof EventNotificationList) events.take(notified, arrival);
      else if (notified instanceof StatusChangeNotification) {
        isEnd = true;
        onStatusChange(known, notified.status);
      }
    }
    fullQueues.delivered();
    // What a server had to say before it ended a subscription goes with that.
    if (!isEnd) heardUntil = published;
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

  const onMissing = (messages: number, before: NotificationMessage, err?: unknown): void => {
    metrics.missingMessages.inc(of, messages);
    log.warn(
      { messages, err },
      'messages of the subscription never came, or cannot be read: what was in them is looked for',
    );
    openGaps();
    closeEventGaps(microsOf(before.publishTime, 0) ?? serverNow());
    silence.suspectAll();
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
    // Nothing was to be heard before.
    heardUntil ??= serverNow();
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
    const until = heardUntil ?? serverNow();
    fullQueues.resumed(serverNow(), (item) => toldUntil(item, until));
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
      const waiting = items.filter((item) => item.events !== null && !isMonitored(item));
      // Events may come before the server has told that it takes the item.
      gaps.note(waiting);
      const refused = await events
        .asking(session, known.subscriptionId, isMonitored, () => desired.reconcile(session, facts, services))
        .catch((error: unknown) => {
          // The server may have items now of which no answer has told us: they would report beside those that are asked for again.
          known.isUsable = false;
          throw error;
        });
      closeEventGaps(serverNow());
      gaps.note(refused.map(({ item }) => item));
      mark(refused, serverNow());
      const said = await silence.look(session, facts, serverNow());
      if (said.length > 0) context.emit(said);
      return Math.min(desired.dueInMs(), silence.dueInMs());
    },
    disconnect,
    giveUp: () => {
      if (atServer === null) return;
      disconnect();
      openGaps();
    },
    flushLosses: losses.flush,
    nodeOf: desired.nodeOf,
    trouble: () => [desired.trouble() ?? [], silence.trouble() ?? []].flat().join('; ') || null,
    note: desired.note,
  };
}
