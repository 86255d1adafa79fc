/**
 * Keeps one server as the plan wants it: a session, a subscription per device, an item per tag. One attempt at a time, after a
 * growing pause, and what is lost is made good in this order: the session is taken over with its subscriptions; else a new
 * session takes over the subscriptions; else they are made anew, as at once where the server was restarted or has other namespaces.
 * Nodes that the server refuses are asked for again on their own growing timer, while the others run.
 */
import { type BackoffOptions, createBackoff, pause } from '@fieldline/shared/runtime';
import type { DeviceStatus, DriverContext } from '../driver.ts';
import type { GapNotes } from './history/gap-notes.ts';
import { createGaps, type Gaps } from './history/gaps.ts';
import { createAcknowledgements } from './items/acknowledgements.ts';
import type { NodeRetry } from './items/desired-items.ts';
import { createDeviceCarrier, type DeviceCarrier } from './items/device-carrier.ts';
import { divideItems } from './items/divide-items.ts';
import { publishUntilLost, type Subscriber } from './items/publish.ts';
import { readUntilLost } from './items/reading.ts';
import type { Session } from './library.ts';
import type { OpcuaMetrics } from './metrics.ts';
import type { Expander } from './nodes/expander.ts';
import type { EndpointPlan, SubscriptionPlan } from './plan.ts';
import { readServerFacts, type ServerFacts } from './session/server-facts.ts';
import { isSameRun, readServerRun, type ServerRun } from './session/server-run.ts';
import { type OpenSession, openSession } from './session/session.ts';
import { explainFailure, mentions } from './trouble.ts';
import type { CertificateStore } from './trust/certificates.ts';

export type ConnectionOptions = {
  readonly certificates: CertificateStore;
  readonly reconnect: BackoffOptions;
  readonly retryNodes: NodeRetry;
  readonly gapNotes: GapNotes;
  /** Of each session, once it is there. */
  readonly onLive?: (live: Live, signal: AbortSignal) => void;
  readonly expander?: Expander | undefined;
};

/** What one may write and call by, until the session is lost. */
export type Live = { readonly session: Session; readonly facts: ServerFacts };

type Carried = { readonly plan: SubscriptionPlan; readonly gaps: Gaps; readonly carrier: DeviceCarrier };

export type Connection = {
  readonly start: () => void;
  readonly status: () => readonly DeviceStatus[];
  /** Why there is none, in words for the operator. */
  readonly live: () => Live | { readonly away: string };
  /** How the connection is secured, what is odd with that, and what of its items is not as asked for. */
  readonly notes: () => readonly string[];
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

const flushLossesEveryMs = 1_000;
/** What dies at the server is noticed and asked for again this soon. */
const reconcileEveryMs = 1_000;
const lookForGapsEveryMs = 200;

export function createConnection(
  plan: EndpointPlan,
  context: DriverContext,
  metrics: OpcuaMetrics,
  options: ConnectionOptions,
): Connection {
  const { endpoint, timeoutMs } = plan;
  const { certificates } = options;
  const acknowledgements = createAcknowledgements();
  const devices = plan.subscriptions.map(({ device }) => device);
  const { retryNodes } = options;
  const carry = (each: SubscriptionPlan, gaps: Gaps): Carried => ({
    plan: each,
    gaps,
    carrier: createDeviceCarrier(each, context, metrics, { acknowledgements, retryNodes, gaps }),
  });
  let carried = plan.subscriptions.map((each) =>
    carry(each, createGaps(each, context, { metrics, notes: options.gapNotes })),
  );
  let subscriptions = carried.map(({ carrier }) => carrier);
  const log = context.log.child({ endpoint });
  const closing = new AbortController();
  const backoff = createBackoff(options.reconnect);
  let running: Promise<void> | null = null;
  /** The session that a lost connection left at the server. */
  let left: Session | null = null;
  let knownRun: ServerRun | null = null;
  /** Since the connection that was made last. */
  let isHeard = false;
  let now: Live | null = null;
  let state: 'connecting' | 'connected' | 'disconnected' = 'connecting';
  let trouble: string | null = 'not connected yet';
  let note: string | null = null;

  const flushLosses = (): void => {
    for (const each of subscriptions) each.flushLosses();
  };

  const forgetAll = (): void => {
    for (const each of subscriptions) each.forget();
  };

  /** Before there are any at this run of the server: what has too many items for it has none there. */
  const divide = (most: number | null): void => {
    carried = carried.flatMap((each) => {
      const plans = divideItems(each.plan, most);
      if (plans.length === 1) return each;
      each.carrier.giveUp();
      return plans.map((part) => carry(part, each.gaps));
    });
    subscriptions = carried.map(({ carrier }) => carrier);
  };

  const noteRun = (run: ServerRun): void => {
    if (knownRun !== null && !isSameRun(knownRun, run)) forgetAll();
    knownRun = run;
  };

  /** Until the session is lost: never returns. */
  const live = async (): Promise<never> => {
    const ending = new AbortController();
    const signal = AbortSignal.any([closing.signal, ending.signal]);
    const opened = await openSession(plan, certificates, left, closing.signal);
    const { session, lost } = opened;
    if (left !== null && left !== session) for (const device of devices) metrics.abandonedSessions.inc({ device });
    left = session;
    const flushing = setInterval(flushLosses, flushLossesEveryMs);
    try {
      return await Promise.race([lost, carryAll(opened, signal)]);
    } catch (error) {
      if (mentions(error, 'BadNoSubscription')) forgetAll();
      throw error;
    } finally {
      now = null;
      ending.abort();
      clearInterval(flushing);
      await (closing.signal.aborted ? opened.close() : opened.leave());
    }
  };

  const carryAll = async (opened: OpenSession, signal: AbortSignal): Promise<never> => {
    const { session } = opened;
    const facts = await readServerFacts(session);
    noteRun(await readServerRun(session, facts));
    divide(facts.limits.itemsPerSubscription);
    const subscribers: Subscriber[] = [];
    for (const each of subscriptions) {
      signal.throwIfAborted();
      const subscriber = await each.bring(session);
      if (subscriber !== null) subscribers.push(subscriber);
    }
    signal.throwIfAborted();
    const onAlive = (): void => {
      isHeard = true;
      backoff.reset();
    };
    const { clock } = context;
    const arrivals: Promise<never>[] = [];
    if (subscribers.length > 0)
      arrivals.push(publishUntilLost(session, subscribers, { acknowledgements, clock, timeoutMs, signal, onAlive }));
    const groups = subscriptions.flatMap((each) => each.readGroups());
    if (groups.length > 0)
      arrivals.push(readUntilLost(session, groups, { limit: facts.limits.read, clock, signal, onAlive }));
    onConnected(opened);
    onLive({ session, facts }, signal);
    return await Promise.race([
      ...arrivals,
      reconcile(session, facts, signal),
      ...(options.expander === undefined ? [] : [options.expander.run(session, facts, signal)]),
      fillGaps(session, facts, signal),
      ...subscribers.map(({ ended }) => ended),
    ]);
  };

  const reconcile = async (session: Session, facts: ServerFacts, signal: AbortSignal): Promise<never> => {
    for (;;) {
      let dueMs = reconcileEveryMs;
      for (const each of subscriptions) dueMs = Math.min(dueMs, await each.reconcile(session, facts));
      await pause(dueMs, signal);
      signal.throwIfAborted();
    }
  };

  const onLive = (live: Live, signal: AbortSignal): void => {
    now = live;
    options.onLive?.(live, signal);
  };

  const fillGaps = async (session: Session, facts: ServerFacts, signal: AbortSignal): Promise<never> => {
    for (;;) {
      for (const each of subscriptions) await each.fillGaps(session, facts, signal);
      await pause(lookForGapsEveryMs, signal);
      signal.throwIfAborted();
    }
  };

  const onConnected = ({ isTakenOver, security, oddities }: OpenSession): void => {
    isHeard = false;
    state = 'connected';
    trouble = null;
    const name = `${security.policy}/${security.mode}`;
    note = [`${endpoint}: ${name}${plan.security === null ? ', the strongest it offers' : ''}`, ...oddities].join(', ');
    const how = { security: name, isStated: plan.security !== null };
    log.info(how, isTakenOver ? 'connected, the session taken over' : 'connected');
    for (const each of oddities) log.warn(each);
    for (const device of devices) metrics.connects.inc({ device });
  };

  const onLost = (error: unknown, pauseMs: number): void => {
    const { code, message } = explainFailure(error, plan, certificates.ownFile);
    const news = message !== trouble;
    for (const device of devices) if (state === 'connected') metrics.losses.inc({ device });
    // What we have words for needs no stack.
    const unknown = code === 'device/reply' ? { err: error } : {};
    log[news ? 'warn' : 'debug']({ code, nextTryMs: Math.round(pauseMs), ...unknown }, message);
    // A connection that comes back at the first attempt may bring all that was missed: then the tags were never bad. Not so where they are read.
    for (const each of subscriptions) if (!isHeard || each.readGroups().length > 0) each.disconnect();
    isHeard = false;
    state = 'disconnected';
    trouble = message;
    note = null;
  };

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await live();
      } catch (error) {
        if (closing.signal.aborted) break;
        const pauseMs = backoff.next();
        onLost(error, pauseMs);
        await pause(pauseMs, closing.signal);
      }
    }
    for (const each of subscriptions) each.end();
  };

  return {
    start: () => {
      running ??= run();
    },
    status: () =>
      devices.map((device) => {
        const refused = subscriptions.flatMap((each) => (each.device === device ? (each.trouble() ?? []) : []));
        if (state !== 'connected' || refused.length === 0) return { device, state, trouble };
        return { device, state, trouble: refused.join('; ') };
      }),
    live: () => now ?? { away: trouble ?? `the connection to ${endpoint} broke` },
    notes: () => [note ?? [], ...subscriptions.map((each) => each.note() ?? [])].flat(),
    close: async () => {
      closing.abort(new Error('closed'));
      await running;
    },
  };
}
