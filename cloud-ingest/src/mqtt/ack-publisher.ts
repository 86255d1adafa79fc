/**
 * Publishes commit acknowledgements: retained, QoS 1. They are cumulative, so of each gateway only the newest matters: while
 * the broker is away or slow, a newer one takes the place of the one that waits. At most one per gateway is on the way.
 */
import { randomUUID } from 'node:crypto';
import { type AckMessage, encodeMessage, topicOf } from '@fieldline/shared/contracts';
import { type Clock, type Health, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import { keepConnected } from './keep-connected.ts';
import { readRetainedAcks } from './read-acks.ts';
import type { MqttConfig, Session } from './session.ts';

export type AckPublisher = {
  /** Resolves when the broker has it or a newer one of its gateway, or when the publisher is closed. Never rejects. */
  readonly publish: (ack: AckMessage) => Promise<void>;
  /** What the broker had of earlier programs when we came, read before any of ours could take its place. */
  readonly retained: Promise<readonly AckMessage[]>;
  /** Sends what waits, as far as that takes no longer than `flushMs`. Idempotent. */
  readonly close: () => Promise<void>;
};

export type AckPublisherParts = {
  readonly config: MqttConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
};

const maxInFlight = 64;
const flushMs = 2_000;

type Waiting = { readonly ack: AckMessage; readonly done: (() => void)[] };

export function createAckPublisher({ config, clock, log, metrics, health }: AckPublisherParts): AckPublisher {
  const published = metrics.counter('fieldline_ack_published_total', 'Commit acknowledgements that the broker took');
  const superseded = metrics.counter(
    'fieldline_ack_superseded_total',
    'Commit acknowledgements replaced by a newer one',
  );
  const waiting = new Map<string, Waiting>();
  /** Per gateway what to do when the broker has it, or will not have it in this session. */
  const inFlight = new Map<string, (taken: boolean) => void>();
  const flushed = new Set<() => void>();
  const retained = Promise.withResolvers<readonly AckMessage[]>();
  let isRead = false;
  let session: Session | null = null;
  let closed = false;

  // Nothing is kept for us at the broker, and processors run side by side: a client id of our own each time.
  const clientId = `${config.clientId ?? 'fieldline'}-ack-${randomUUID().slice(0, 8)}`.slice(-64);
  const connection = keepConnected({
    config,
    session: { clientId, persistent: false },
    clock,
    log,
    onSession: async (opened) => {
      if (!isRead) {
        isRead = true;
        retained.resolve(await readRetainedAcks(opened));
      }
      session = opened;
      opened.ended.addEventListener('abort', () => {
        if (session === opened) session = null;
        for (const settle of [...inFlight.values()]) settle(false);
      });
      send();
    },
  });
  health.ready.push({ name: 'acknowledgements', trouble: connection.trouble });

  function send(): void {
    for (const [gateway, each] of waiting) {
      if (session === null || inFlight.size >= maxInFlight) return;
      if (inFlight.has(gateway)) continue;
      waiting.delete(gateway);
      publishOne(session, gateway, each);
    }
  }

  function publishOne({ client }: Session, gateway: string, { ack, done }: Waiting): void {
    const settle = (taken: boolean): void => {
      // The session has ended since, and it was settled then.
      if (inFlight.get(gateway) !== settle) return;
      inFlight.delete(gateway);
      if (taken) {
        published.inc();
        for (const resolve of done) resolve();
      } else if (!closed) {
        const newer = waiting.get(gateway);
        waiting.set(gateway, { ack: newer?.ack ?? ack, done: [...done, ...(newer?.done ?? [])] });
      }
      send();
      if (waiting.size === 0 && inFlight.size === 0) for (const resolve of flushed) resolve();
    };
    inFlight.set(gateway, settle);
    client.publish(topicOf(gateway, 'ack'), encodeMessage(ack), { qos: 1, retain: true }, (error) =>
      settle(error === undefined || error === null),
    );
  }

  return {
    retained: retained.promise,
    publish: (ack) =>
      new Promise((resolve) => {
        if (closed) {
          resolve();
          return;
        }
        const older = waiting.get(ack.gateway);
        if (older !== undefined) superseded.inc();
        waiting.set(ack.gateway, { ack, done: [...(older?.done ?? []), resolve] });
        send();
      }),
    close: async () => {
      if (!closed && session !== null && waiting.size + inFlight.size > 0) {
        await Promise.race([new Promise<void>((resolve) => flushed.add(resolve)), pause(flushMs)]);
      }
      closed = true;
      await connection.close();
      retained.resolve([]);
      for (const { done } of waiting.values()) for (const resolve of done) resolve();
      waiting.clear();
    },
  };
}
