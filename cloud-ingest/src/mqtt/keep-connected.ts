import { type Clock, createBackoff, explain, type Log, pause } from '@fieldline/shared/runtime';
import {
  checkFiles,
  type MqttConfig,
  openSession,
  type Protocol,
  type Session,
  type SessionOptions,
} from './session.ts';

export type Connection = {
  /** null while a session is up and prepared. */
  readonly trouble: () => string | null;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

export type KeepConnectedOptions = {
  readonly config: MqttConfig;
  readonly session: Omit<SessionOptions, 'signal'>;
  /** Makes a new session useful, e.g. subscribes; the session is ended when it rejects. */
  readonly onSession: (session: Session) => Promise<void> | void;
  readonly clock: Clock;
  readonly log: Log;
};

const firstPauseMs = 250;
const maxPauseMs = 15_000;
/** A session that ends sooner (e.g. taken over by another client of the same id) does not shorten the pauses. */
const settledMs = 30_000;

/**
 * Opens one session after the other, with growing pauses, until closed.
 * @throws FieldlineError settings/unreadable
 */
export function keepConnected({ config, session, onSession, clock, log }: KeepConnectedOptions): Connection {
  checkFiles(config);
  const stop = new AbortController();
  const backoff = createBackoff({ firstMs: firstPauseMs, maxMs: maxPauseMs });
  let protocol: Protocol = config.protocol;
  let current: Session | null = null;
  let trouble: string | null = `connecting to ${config.broker}`;

  function say(error: unknown): void {
    const text = explain(error);
    // The same trouble again is not news.
    if (text !== trouble) log.warn({ clientId: session.clientId }, text);
    trouble = text;
  }

  async function serve(): Promise<void> {
    const opened = await openSession(config, { ...session, signal: stop.signal }, protocol);
    current = opened;
    const startedMs = clock.monotonicMs();
    try {
      if (stop.signal.aborted) return;
      await onSession(opened);
      protocol = opened.protocol;
      trouble = null;
      log.info({ broker: config.broker, clientId: session.clientId, protocol }, 'connected to the MQTT broker');
      await new Promise<void>((resolve) => {
        if (opened.ended.aborted) resolve();
        else opened.ended.addEventListener('abort', () => resolve(), { once: true });
      });
      if (clock.monotonicMs() - startedMs >= settledMs) backoff.reset();
      if (!stop.signal.aborted) say(opened.ended.reason);
    } finally {
      current = null;
      await opened.close();
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await serve();
      } catch (error) {
        say(error);
      }
      await pause(backoff.next(), stop.signal);
    }
  }

  const running = run();
  return {
    trouble: () => trouble,
    close: async () => {
      stop.abort();
      await current?.close();
      await running;
    },
  };
}
