/**
 * The uplink: one MQTT session after another, as long as the agent runs. Each begins with state and births, and leaves a
 * will behind that says `lost`. What a session carries is the business of the forwarder. Invariants:
 *
 * - One session at a time carries batches. Before it is left, the forwarder takes back what is unanswered.
 * - A round begins with the first broker of the settings; pauses grow with each round in which no session was good.
 * - A session moves to an earlier broker only once that one has taken it.
 */
import { type FieldlineError, topicOf } from '@fieldline/shared/contracts';
import { createBackoff, type Metrics, pause } from '@fieldline/shared/runtime';
import type { Link } from '../forwarder/forwarder.ts';
import { Brokers } from './brokers.ts';
import type { UplinkConfig } from './connect-options.ts';
import { Credentials } from './credentials.ts';
import { uplinkMetrics } from './metrics.ts';
import { type Opened, Opener } from './opener.ts';
import { Presence, type PresenceOptions, stateCheckMs } from './presence.ts';
import { explainRefusal, isThrottling, LinkDead } from './refusal.ts';
import { goodSessionMs, Rivalry } from './rivalry.ts';
import type { Session } from './session.ts';
import { Troubles } from './troubles.ts';

export type UplinkOptions = Omit<PresenceOptions, 'listens'> & {
  readonly uplink: UplinkConfig;
  readonly onConnected: (link: Link, answer: (bytes: Buffer) => Promise<void>) => void;
  readonly onDisconnected: () => void;
  readonly random: () => number;
  readonly metrics: Metrics;
};

/** What comes after a session: one that is open already, one with the same broker at once, or a pause. */
type After = { readonly next: Opened | 'same broker' | 'pause'; readonly isGood: boolean };
type Cause = { readonly kind: 'ended'; readonly reason: unknown } | { readonly kind: 'renew' | 'move' };

const failed: After = { next: 'pause', isGood: false };
const leaveTimeoutMs = 2_000;
/** Between two brokers of one round, at most. */
const betweenBrokersMs = 1_000;

export class Uplink {
  private readonly options: UplinkOptions;
  private readonly clientId: string;
  private readonly metrics;
  private readonly presence: Presence;
  private readonly brokers: Brokers;
  private readonly credentials: Credentials;
  private readonly opener: Opener;
  private readonly rivalry: Rivalry;
  private readonly troubles: Troubles;
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private current: Opened | undefined;
  private throttled: string | null = null;
  private fileTrouble: string | null = null;
  private connectedAtMs = 0;
  private nextTryAtMs = 0;
  /** Of the session before. */
  private lastedMs = 0;
  private hasStarted = false;

  constructor(options: UplinkOptions) {
    const { uplink, gateway, log, metrics, random } = options;
    this.options = options;
    this.clientId = uplink.clientId ?? `fieldline-edge-${gateway}`;
    this.metrics = uplinkMetrics(metrics);
    this.presence = new Presence({ ...options, listens: uplink.confirm === 'cloud' });
    this.brokers = new Brokers(uplink.broker);
    for (const broker of this.brokers.all) this.metrics.inUse.set({ broker }, 0);
    this.credentials = new Credentials(uplink);
    this.opener = new Opener({
      uplink,
      clientId: this.clientId,
      will: () => this.presence.will(),
      credentials: this.credentials,
      onPause: (broker, pauseMs) => this.isThrottled(broker, pauseMs),
      onFlow: (broker) => this.isFlowing(broker),
      random,
      log,
    });
    this.rivalry = new Rivalry(gateway);
    this.troubles = new Troubles(log);
  }

  start(): void {
    this.running = this.run(this.stop.signal);
  }

  /** In words for the operator; null when connected. */
  trouble(): string | null {
    if (this.current === undefined) return `${this.troubles.text() ?? 'not connected'}${this.nextTry()}`;
    return this.sessionMs() >= goodSessionMs ? this.throttled : (this.troubles.text() ?? this.throttled);
  }

  /** How old a trouble may be: pauses between tries grow. */
  private nextTry(): string {
    const leftMs = this.nextTryAtMs - this.options.clock.monotonicMs();
    return leftMs <= 0 ? '' : `; the next try is in ${Math.ceil(leftMs / 1_000)} s`;
  }

  /** Which broker is in use, and what does not disturb yet; null when not connected. */
  note(): string | null {
    if (this.current === undefined) return null;
    const { all } = this.brokers;
    const place = all.length > 1 ? `, ${all.indexOf(this.current.broker) + 1} of ${all.length}` : '';
    const inUse = `connected to ${this.current.broker}${place}`;
    return this.fileTrouble === null ? inUse : `${inUse}; ${this.fileTrouble}`;
  }

  /** Publishes the births again, e.g. to a new database. */
  announce(): void {
    if (this.current !== undefined) this.presence.inform(this.current.session, 'running').catch(() => {});
  }

  /** Says `stopped` and takes leave. Idempotent. */
  async close(): Promise<void> {
    if (this.current !== undefined && !this.stop.signal.aborted) await this.sayStopped(this.current.session);
    this.stop.abort();
    await this.current?.session.close();
    await this.running;
  }

  private async sayStopped(session: Session): Promise<void> {
    const said = this.presence.publishState(session, 'stopped').catch(() => {});
    await Promise.race([said, pause(leaveTimeoutMs, this.stop.signal)]);
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { random } = this.options;
    const backoff = createBackoff({ firstMs: 1_000, maxMs: 60_000, random });
    let opened: Opened | null = null;
    while (!signal.aborted) {
      opened ??= await this.open(signal);
      if (signal.aborted) break;
      const after: After = opened === null ? failed : await this.hold(opened, signal);
      const { next, isGood } = after;
      opened = typeof next === 'object' ? next : null;
      if (isGood) backoff.reset();
      if (next !== 'pause') continue;
      if (isGood) this.brokers.restart();
      const isRoundOver = isGood || this.brokers.moveOn();
      const pauseMs = isRoundOver ? backoff.next() : random() * betweenBrokersMs;
      this.nextTryAtMs = this.options.clock.monotonicMs() + pauseMs;
      await pause(pauseMs, signal);
    }
    await opened?.session.close();
  }

  private async open(signal: AbortSignal): Promise<Opened | null> {
    const broker = this.brokers.current;
    try {
      return await this.opener.open(broker, signal);
    } catch (error) {
      if (!signal.aborted) this.troubles.report(broker, this.explain(error, broker));
      return null;
    }
  }

  private explain(error: unknown, broker: string): FieldlineError {
    return explainRefusal(error, { broker, username: this.options.uplink.username, clientId: this.clientId });
  }

  /** Carries batches until the session ends, or there is a reason to leave it. */
  private async hold(opened: Opened, signal: AbortSignal): Promise<After> {
    const { session, broker } = opened;
    this.begin(opened);
    const over = new AbortController();
    const watching = AbortSignal.any([signal, over.signal]);
    const ended = session.ended.then((reason): Cause => ({ kind: 'ended', reason }));
    const earlier = this.earlierBroker(broker, watching, signal);
    const cause = await Promise.race<Cause>([
      ended,
      this.renewal(opened, watching).then((isDue) => (isDue ? { kind: 'renew' } : ended)),
      earlier.then((to) => (to === null ? ended : { kind: 'move' })),
    ]);
    over.abort();
    if (cause.kind === 'ended') {
      if (cause.reason instanceof LinkDead) this.metrics.dead.inc();
      this.left(broker);
    }
    // A try that is under way may be what ended this session: brokers of one cluster hand it over.
    const to = await earlier;
    if (cause.kind !== 'ended') await this.leave(opened, to !== null);
    if (to !== null) return { next: to, isGood: true };
    if (cause.kind !== 'ended') return { next: 'same broker', isGood: true };
    return { next: 'pause', isGood: signal.aborted || this.isGoodEnd(broker, cause.reason) };
  }

  private begin(opened: Opened): void {
    const { session, broker, version } = opened;
    const { gateway, onConnected, clock, log } = this.options;
    this.current = opened;
    this.brokers.use(broker);
    this.troubles.connected();
    this.connectedAtMs = clock.monotonicMs();
    this.metrics.connected.set(1);
    this.metrics.inUse.set({ broker }, 1);
    log.info({ broker, mqtt: version }, 'connected to the broker');
    this.presence.watchState(session);
    this.presence.inform(session, this.hasStarted ? 'running' : 'started').catch(() => {});
    this.hasStarted = true;
    onConnected({ publish: (bytes) => session.publish(topicOf(gateway, 'batch'), bytes) }, (bytes) =>
      session.publish(topicOf(gateway, 'answer'), bytes),
    );
  }

  /** In order: nothing new goes to it, what is under way is waited for. A broker that is left for another one is told. */
  private async leave({ session, broker }: Opened, isForAnother: boolean): Promise<void> {
    this.options.onDisconnected();
    if (isForAnother) await this.sayStopped(session);
    await session.close();
    this.left(broker);
  }

  private left(broker: string): void {
    this.lastedMs = this.sessionMs();
    this.current = undefined;
    this.throttled = null;
    this.fileTrouble = null;
    this.metrics.connected.set(0);
    this.metrics.inUse.set({ broker }, 0);
    this.options.onDisconnected();
  }

  /** Tells why a session ended by itself. True if it was a good one all the same. */
  private isGoodEnd(broker: string, reason: unknown): boolean {
    const rival = this.rivalry.explain(reason, broker, this.lastedMs);
    this.troubles.report(broker, rival ?? this.explain(reason ?? new Error('the connection was lost'), broker));
    this.troubles.suspect(rival);
    return this.lastedMs >= goodSessionMs && !isThrottling(reason);
  }

  private sessionMs(): number {
    return this.options.clock.monotonicMs() - this.connectedAtMs;
  }

  /** Resolves with true when other certificates or passwords are to be used; each agent of a fleet has its own moment. */
  private async renewal({ credentials, broker }: Opened, watching: AbortSignal): Promise<boolean> {
    const { uplink, random, log } = this.options;
    const told = (problem: FieldlineError | null): void => {
      const trouble = problem?.message ?? null;
      if (trouble !== null && trouble !== this.fileTrouble) log.error({ code: problem?.code }, trouble);
      this.fileTrouble = trouble;
    };
    if (!(await this.credentials.changed(credentials, stateCheckMs, watching, told))) return false;
    const afterMs = Math.round(random() * uplink.renewWithinMs);
    log.info({ broker, afterMs }, 'a certificate or password file has changed: the session is begun anew');
    const isDue = await pause(afterMs, watching);
    if (isDue) this.metrics.renewed.inc();
    return isDue;
  }

  /** While a later broker is in use: tries the earlier ones now and then. A session with one of them, or null in the end. */
  private async earlierBroker(broker: string, watching: AbortSignal, signal: AbortSignal): Promise<Opened | null> {
    const { uplink, random, log } = this.options;
    const earlier = this.brokers.before(broker);
    if (earlier.length === 0) return null;
    while (await pause(uplink.returnAfterMs * (0.5 + random()), watching)) {
      for (const candidate of earlier) {
        try {
          return await this.opener.open(candidate, signal);
        } catch (error) {
          log.debug(this.explain(error, candidate).message);
        }
        if (watching.aborted) return null;
      }
    }
    return null;
  }

  private isThrottled(broker: string, pauseMs: number): void {
    const trouble = `the broker ${broker} takes no more at the moment: the quota of this client is used up; raise it there`;
    this.metrics.throttled.inc();
    if (this.throttled === null) this.options.log.warn({ pauseMs }, trouble);
    this.throttled = trouble;
  }

  private isFlowing(broker: string): void {
    this.throttled = null;
    this.options.log.info({ broker }, 'the broker takes batches again');
  }
}
