/**
 * The uplink: one MQTT session after another, as long as the agent runs. Each begins with state and births, and leaves a
 * will behind that says `lost`. What a session carries is the business of the forwarder.
 */
import type { EdgeConfig } from '@fieldline/shared/config';
import {
  type AckMessage,
  ackSchema,
  decodeMessage,
  encodeMessage,
  type FieldlineError,
  type StateMessage,
  topicOf,
} from '@fieldline/shared/contracts';
import { type Clock, createBackoff, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import type { Link } from '../forwarder/forwarder.ts';
import { connectOptions, type MqttVersion } from './connect-options.ts';
import { explainRefusal, isWrongVersion } from './refusal.ts';
import { goodSessionMs, Rivalry } from './rivalry.ts';
import { NoAnswer, openSession, type Session } from './session.ts';

export type StateReason = StateMessage['reason'];

export type UplinkOptions = {
  readonly gateway: string;
  readonly uplink: EdgeConfig['uplink'];
  /** The state of the gateway as of now. */
  readonly stateOf: (reason: StateReason) => StateMessage;
  readonly births: () => readonly Buffer[];
  readonly onConnected: (link: Link) => void;
  readonly onDisconnected: () => void;
  readonly onAck: (ack: AckMessage) => void;
  readonly random: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** How often it is looked whether the state has changed, and how often it is published in any case. */
const stateCheckMs = 3_000;
const stateEveryMs = 30_000;
const leaveTimeoutMs = 2_000;

export class Uplink {
  private readonly options: UplinkOptions;
  private readonly clientId: string;
  private readonly connectedGauge;
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private session: Session | undefined;
  private version: MqttVersion;
  private readonly rivalry: Rivalry;
  private lastTrouble: string | null = 'not connected yet';
  /** Stays in the report over the next connect, until a session lasts: each takes the session back for a moment. */
  private rivalTrouble: string | null = null;
  private connectedAtMs = 0;
  private hasStarted = false;
  private stated = { summary: '', atMs: 0 };

  constructor(options: UplinkOptions) {
    this.options = options;
    this.clientId = options.uplink.clientId ?? `fieldline-edge-${options.gateway}`;
    this.version = options.uplink.protocol;
    this.rivalry = new Rivalry(options.gateway, options.uplink.broker);
    this.connectedGauge = options.metrics.gauge(
      'fieldline_uplink_connected',
      '1 while there is a session with the broker',
    );
  }

  start(): void {
    this.running = this.run(this.stop.signal);
  }

  /** In words for the operator; null when connected. */
  trouble(): string | null {
    if (this.session !== undefined && this.sessionMs() >= goodSessionMs) return null;
    return this.lastTrouble ?? this.rivalTrouble;
  }

  /** Publishes the births again, e.g. to a new database. */
  announce(): void {
    if (this.session !== undefined) this.inform(this.session, 'running').catch(() => {});
  }

  /** Says `stopped` and takes leave. Idempotent. */
  async close(): Promise<void> {
    const { session } = this;
    if (session !== undefined && !this.stop.signal.aborted) {
      const said = this.publishState(session, 'stopped').catch(() => {});
      await Promise.race([said, pause(leaveTimeoutMs, this.stop.signal)]);
    }
    this.stop.abort();
    await session?.close();
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    const backoff = createBackoff({ firstMs: 1_000, maxMs: 60_000, random: this.options.random });
    while (!signal.aborted) {
      const begunMs = this.options.clock.monotonicMs();
      const isWrongVersion = await this.runSession(signal);
      if (signal.aborted) return;
      if (this.options.clock.monotonicMs() - begunMs >= goodSessionMs) backoff.reset();
      if (!isWrongVersion) await pause(backoff.next(), signal);
    }
  }

  /** One session from connect to end. True if it was refused for its MQTT version and another one is worth a try at once. */
  private async runSession(signal: AbortSignal): Promise<boolean> {
    const { gateway, uplink, stateOf, onConnected, onDisconnected } = this.options;
    try {
      const will = { topic: topicOf(gateway, 'state'), payload: encodeMessage({ ...stateOf('lost'), online: false }) };
      const options = connectOptions(uplink, this.clientId, this.version, will);
      const session = await openSession(uplink.broker, options, signal);
      this.session = session;
      this.connectedGauge.set(1);
      this.lastTrouble = null;
      this.connectedAtMs = this.options.clock.monotonicMs();
      this.options.log.info({ broker: uplink.broker, mqtt: this.version }, 'connected to the broker');
      const watch = this.watchState(session);
      this.inform(session, this.hasStarted ? 'running' : 'started').catch(() => {});
      this.hasStarted = true;
      onConnected({ publish: (bytes) => session.publish(topicOf(gateway, 'batch'), bytes) });
      const reason = await session.ended;
      clearInterval(watch);
      this.session = undefined;
      this.connectedGauge.set(0);
      onDisconnected();
      if (!signal.aborted) this.reportEnd(reason ?? new Error('the connection was lost'));
      return false;
    } catch (error) {
      if (signal.aborted) return false;
      return this.refused(error);
    }
  }

  private sessionMs(): number {
    return this.options.clock.monotonicMs() - this.connectedAtMs;
  }

  private reportEnd(reason: unknown): void {
    const rival = this.rivalry.explain(reason, this.sessionMs());
    this.report(rival ?? explainRefusal(reason, this.login()));
    this.rivalTrouble = rival?.message ?? null;
  }

  private refused(error: unknown): boolean {
    const { protocol } = this.options.uplink;
    if ((isWrongVersion(error) || error instanceof NoAnswer) && this.version === '5') {
      this.options.log.info('the broker does not take MQTT 5: trying 3.1.1');
      this.version = '3.1.1';
      return true;
    }
    // A broker that was replaced or upgraded may speak the version that is set.
    this.version = protocol;
    this.report(explainRefusal(error, this.login()));
    return false;
  }

  private login() {
    const { broker, username } = this.options.uplink;
    return { broker, username, clientId: this.clientId };
  }

  /** Said once until it changes. */
  private report(trouble: FieldlineError): void {
    const isNews = trouble.message !== (this.lastTrouble ?? this.rivalTrouble);
    this.lastTrouble = trouble.message;
    const { err } = errorFields(trouble.cause);
    const fields = { code: trouble.code, ...(err instanceof Error ? { err } : {}) };
    if (isNews) this.options.log.error(fields, trouble.message);
    else this.options.log.debug(fields, trouble.message);
  }

  private async inform(session: Session, reason: StateReason): Promise<void> {
    const { gateway, uplink, births } = this.options;
    const subscribed = uplink.confirm === 'cloud' ? this.listen(session) : Promise.resolve();
    await this.publishState(session, reason);
    for (const birth of births()) await session.publish(topicOf(gateway, 'birth'), birth);
    await subscribed;
  }

  private async listen(session: Session): Promise<void> {
    const { gateway, onAck, log } = this.options;
    const topic = topicOf(gateway, 'ack');
    try {
      await session.subscribe(topic, (bytes) => {
        try {
          onAck(decodeMessage(ackSchema, bytes, gateway));
        } catch (error) {
          log.warn({ ...errorFields(error), topic }, 'a commit acknowledgement cannot be read: ignored');
        }
      });
    } catch (error) {
      // The broker refused nothing where the session ended before its answer.
      if (session !== this.session) return;
      log.error(
        { ...errorFields(error), topic },
        'the broker does not let the agent subscribe to its acknowledgements: allow it there, or set uplink.confirm to broker',
      );
    }
  }

  private async publishState(session: Session, reason: StateReason): Promise<void> {
    const { gateway, stateOf, clock } = this.options;
    const state = stateOf(reason);
    this.stated = { summary: summaryOf(state), atMs: clock.monotonicMs() };
    await session.publish(topicOf(gateway, 'state'), encodeMessage(state), { retain: true });
  }

  private watchState(session: Session): NodeJS.Timeout {
    return setInterval(() => {
      const isOld = this.options.clock.monotonicMs() - this.stated.atMs >= stateEveryMs;
      if (isOld || summaryOf(this.options.stateOf('running')) !== this.stated.summary) {
        this.publishState(session, 'running').catch(() => {});
      }
    }, stateCheckMs);
  }
}

/** What makes a state worth telling at once: a stream or its oldest batches came or went. Growth alone does not. */
const summaryOf = (state: StateMessage): string =>
  state.streams.map(({ stream, held }) => `${stream} ${held[0]?.[0] ?? 0}`).join();
