/**
 * MQTT → backbone. A message is acknowledged to the broker (PUBACK) only when the backbone, or the dead letters, have it.
 * One append is under way at a time and takes up to half a window, so that messages keep their order in the backbone and
 * PUBACKs the order of reception (MQTT 5, 4.6), and the other half is received meanwhile. What a session has not acknowledged when it ends, the broker sends again in
 * the next one: doubled in the backbone, never lost.
 */
import { hostname } from 'node:os';
import type { IngestConfig } from '@fieldline/shared/config';
import { backboneTopics, bridgeFilters, FieldlineError } from '@fieldline/shared/contracts';
import { type Clock, type Health, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import type { Backbone } from '../backbone/backbone.ts';
import type { DeadLetterSink } from '../dead-letters/dead-letter.ts';
import { keepConnected } from '../mqtt/keep-connected.ts';
import type { Session } from '../mqtt/session.ts';
import { bridgeMetrics } from './bridge-metrics.ts';
import { acknowledge, type Received, receive } from './receive.ts';
import { createStoreReceived } from './store-received.ts';
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

/** How long a graceful stop waits for what was taken to be stored and acknowledged. */
const drainMs = 5_000;
const unauthorised = 0x80;

/** Returns at once; connects and goes on trying until closed. The raw topic must be there. */
export function startBridge({ config, backbone, deadLetter, clock, log, metrics, health }: BridgeParts): Bridge {
  const { mqtt } = config;
  const counts = bridgeMetrics(metrics);
  const window = new Window<Received>({ messages: mqtt.window, bytes: mqtt.windowBytes });
  const stopTaking = new AbortController();
  const stopStoring = new AbortController();
  let trouble: string | null = null;
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
    for (;;) {
      const taken = await window.take(signal);
      if (signal.aborted) return;
      counts.window.set(window.size);
      await store(
        taken.map(({ message }) => message),
        signal,
      );
      acknowledge(taken);
      window.release(taken);
      counts.window.set(window.size);
    }
  }

  run().catch((error: unknown) => {
    // An abort in the middle of a try; anything else is a broken invariant and ends the program.
    if (!stopStoring.signal.aborted) throw error;
  });

  const connection = keepConnected({
    config: mqtt,
    session: {
      clientId: mqtt.clientId ?? (mqtt.shareGroup === undefined ? 'fieldline-bridge' : ownClientId()),
      persistent: true,
      receiveMaximum: mqtt.window,
      prepare: (client) =>
        receive(client, {
          window,
          keepaliveMs: mqtt.keepaliveMs,
          clock,
          stop: stopTaking.signal,
          onFull: () => counts.windowFull.inc(),
          log,
        }),
    },
    clock,
    log,
    onSession: async (session) => {
      counts.sessions.inc();
      await subscribe(session, mqtt.shareGroup);
    },
  });
  health.ready.push({ name: 'bridge', trouble: () => connection.trouble() ?? trouble });

  async function close(): Promise<void> {
    stopTaking.abort();
    const late = new AbortController();
    await Promise.race([window.untilEmpty(late.signal), pause(drainMs, late.signal)]);
    late.abort();
    // An append that is still under way is left to itself: its messages stay unacknowledged.
    stopStoring.abort();
    await connection.close();
  }

  log.info({ topic: backboneTopics.raw, backbone: backbone.kind }, 'the bridge runs');
  return {
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Bridges of a group need a session each: one that finds its own again after a restart. */
const ownClientId = (): string => `fieldline-bridge-${hostname().replace(/[^A-Za-z0-9._:-]/g, '-')}`.slice(0, 64);

/** At every connect, also to a session that the broker kept: Mosquitto 2.0.11 loses a shared subscription over a restart. */
async function subscribe({ client, protocol }: Session, shareGroup: string | undefined): Promise<void> {
  const shared = client.serverProperties?.sharedSubscriptionAvailable;
  if (shareGroup !== undefined && protocol === '5' && shared === false) {
    throw new FieldlineError('broker/refused', 'the broker has no shared subscriptions: leave out mqtt.shareGroup');
  }
  const filters = bridgeFilters().map((filter) =>
    shareGroup === undefined ? filter : `$share/${shareGroup}/${filter}`,
  );
  const granted = await client.subscribeAsync(filters, { qos: 1 }).catch((error: unknown) => {
    throw subscriptionRefused(filters, error);
  });
  if (granted.some(({ qos }) => qos >= unauthorised)) throw subscriptionRefused(filters, null);
}

const subscriptionRefused = (filters: readonly string[], cause: unknown): FieldlineError =>
  new FieldlineError(
    'broker/refused',
    `the broker refuses the subscription to ${filters.join(', ')}: give the user of the bridge the right to read them`,
    { cause },
  );
