/**
 * MQTT → backbone. A message is acknowledged to the broker (PUBACK) only when the backbone, or the dead letters, have it.
 * Some appends are under way at once, so that neither side waits for the other; the backbone keeps the order of each key, and
 * PUBACKs go out in the order of reception (MQTT 5, 4.6), whichever append ends first. When one fails, a later one may be
 * there already: batches have a number, states the time of their reception. What a session has not acknowledged when it
 * ends, the broker sends again in the next one: doubled in the backbone, never lost.
 */
import type { IngestConfig } from '@fieldline/shared/config';
import { backboneTopics, probeTopic } from '@fieldline/shared/contracts';
import { type Clock, type Health, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import type { Backbone } from '../backbone/backbone.ts';
import type { DeadLetterSink } from '../dead-letters/dead-letter.ts';
import { keepConnected } from '../mqtt/keep-connected.ts';
import type { Session } from '../mqtt/session.ts';
import { bridgeMetrics } from './bridge-metrics.ts';
import { acknowledge, type Received, receive } from './receive.ts';
import { createStoreReceived } from './store-received.ts';
import { ownClientId, subscribe, unsubscribe } from './subscribe.ts';
import { startWatch } from './watch.ts';
import { Window } from './window.ts';

export type BridgeParts = {
  readonly config: Pick<IngestConfig, 'mqtt'>;
  readonly backbone: Backbone;
  readonly deadLetter: DeadLetterSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
};

export type Bridge = { readonly close: () => Promise<void> };

/** Of the window, one for each append: a broker that has room again sends while the others are under way. */
const shares = 4;
/** How long a graceful stop waits for what was taken to be stored and acknowledged. */
const drainMs = 5_000;
/** A broker that keeps a session goes on giving it its share: one of a bridge that does not come back must end soon. */
const sharedExpirySeconds = 300;
/** In a share group nothing more is taken for ours when nothing has come for this long. */
const quietMs = 250;

/** Returns at once; connects and goes on trying until closed. The raw topic must be there. */
export function startBridge({ config, backbone, deadLetter, clock, log, metrics, health }: BridgeParts): Bridge {
  const { mqtt } = config;
  const counts = bridgeMetrics(metrics);
  const window = new Window<Received>({ messages: mqtt.window, bytes: mqtt.windowBytes }, shares);
  const stopTaking = new AbortController();
  const stopStoring = new AbortController();
  let trouble: string | null = null;
  let session: Session | null = null;
  let came = 0;
  let closing: Promise<void> | undefined;

  const store = createStoreReceived({
    backbone,
    deadLetter,
    log,
    onTrouble: (text) => {
      if (text !== null) counts.retries.inc();
      trouble = text;
    },
    onStored: (messages, bytes) => {
      counts.records.inc(messages);
      counts.bytes.inc(bytes);
    },
    onDeadLetter: (code) => counts.deadLetters.inc({ code }),
  });

  async function run(): Promise<void> {
    const { signal } = stopStoring;
    let last: Promise<void> = Promise.resolve();
    for (;;) {
      const taken = await window.take(signal);
      if (signal.aborted) return;
      counts.window.set(window.size);
      last = settle(taken, last, signal);
      last.catch(unlessStopped);
    }
  }

  /** `before`: what was taken before is acknowledged. */
  async function settle(taken: readonly Received[], before: Promise<void>, signal: AbortSignal): Promise<void> {
    const messages = taken.map(({ message }) => message).filter(({ topic }) => topic !== probeTopic);
    await Promise.all([before, messages.length > 0 ? store(messages, before, signal) : null]);
    acknowledge(taken);
    window.release(taken);
    counts.window.set(window.size);
  }

  /** An abort in the middle of a try; anything else is a broken invariant and ends the program. */
  function unlessStopped(error: unknown): void {
    if (!stopStoring.signal.aborted) throw error;
  }

  run().catch(unlessStopped);

  const clientId = mqtt.clientId ?? (mqtt.shareGroup === undefined ? 'fieldline-bridge' : ownClientId());
  const watch = startWatch({
    mqtt,
    clientId,
    clock,
    log,
    metrics,
    held: () => session === null || window.full || trouble !== null,
    reconnect: () => void session?.close(),
  });
  const connection = keepConnected({
    config: mqtt,
    session: {
      clientId,
      persistent: true,
      ...(mqtt.shareGroup === undefined ? {} : { expirySeconds: sharedExpirySeconds }),
      receiveMaximum: mqtt.window,
      prepare: (client) =>
        receive(client, {
          window,
          keepaliveMs: mqtt.keepaliveMs,
          clock,
          stop: stopTaking.signal,
          onFull: () => counts.windowFull.inc(),
          onReceived: (probe) => {
            came += 1;
            watch.received(probe);
          },
        }),
    },
    clock,
    log,
    onSession: async (opened) => {
      counts.sessions.inc();
      await subscribe(opened, mqtt.shareGroup);
      session = opened;
      opened.ended.addEventListener('abort', () => {
        session = null;
      });
    },
  });
  health.ready.push({ name: 'bridge', trouble: () => connection.trouble() ?? trouble ?? watch.trouble() });

  async function close(): Promise<void> {
    const late = new AbortController();
    await Promise.race([drain(late.signal), pause(drainMs, late.signal)]);
    late.abort();
    stopTaking.abort();
    // An append that is still under way is left to itself: its messages stay unacknowledged.
    stopStoring.abort();
    await watch.close();
    await connection.close();
  }

  /** Leaves its share to the others of a group first: what the broker has given us already still comes. */
  async function drain(late: AbortSignal): Promise<void> {
    if (mqtt.shareGroup !== undefined && session !== null) {
      await unsubscribe(session, mqtt.shareGroup);
      for (let before = -1; (before !== came || window.size > 0) && !late.aborted; ) {
        before = came;
        await pause(quietMs, late);
      }
    }
    stopTaking.abort();
    await window.untilEmpty(late);
  }

  log.info({ topic: backboneTopics.raw, backbone: backbone.kind }, 'the bridge runs');
  return {
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
