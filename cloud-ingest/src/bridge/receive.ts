/**
 * Fills the window from a session: reading goes on while the window has room, whatever is still unacknowledged. When it is
 * full, reading stops (and with it the broker, by TCP) until there is room. Then the answers to our pings wait behind the
 * unread messages: we go on pinging, so that the broker knows us alive, and do not take the silence for a lost connection.
 */
import { probeTopic } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { MqttClient } from 'mqtt';
import { type Pubacks, takePublishes } from '../mqtt/take-publishes.ts';
import { gatewayOf, type ReceivedMessage } from './to-record.ts';
import type { Window } from './window.ts';

export type Received = {
  readonly message: ReceivedMessage;
  readonly bytes: number;
  /** null for QoS 0. */
  readonly messageId: number | null;
  /** Of the connection on which the message came: its PUBACK goes out there or not at all. */
  readonly pubacks: Pubacks;
};

export type ReceiveOptions = {
  readonly window: Window<Received>;
  readonly keepaliveMs: number;
  readonly clock: Clock;
  /** Aborted when no more messages shall be taken: what comes then stays unacknowledged. */
  readonly stop: AbortSignal;
  readonly onFull: () => void;
  /** For each message that was taken; a probe has its payload. */
  readonly onReceived: (probe: Buffer | null) => void;
};

export function receive(
  client: MqttClient,
  { window, keepaliveMs, clock, stop, onFull, onReceived }: ReceiveOptions,
): void {
  const ended = new AbortController();
  client.once('close', () => ended.abort());

  async function untilRoom(): Promise<void> {
    onFull();
    const pinging = setInterval(() => {
      client.reschedulePing(true);
      client.sendPing();
    }, keepaliveMs / 2);
    try {
      await window.untilRoom(AbortSignal.any([ended.signal, stop]));
    } finally {
      clearInterval(pinging);
    }
  }

  const pubacks = takePublishes(client, {
    hasRoom: () => !window.full || stop.aborted,
    untilRoom,
    onPublish: ({ topic, payload, qos, retain, dup, messageId }) => {
      if (stop.aborted) return;
      onReceived(topic === probeTopic ? payload : null);
      window.put({
        message: { topic, gateway: gatewayOf(topic), payload, qos, retain, dup, receivedAt: clock.now() },
        bytes: payload.length + topic.length,
        messageId,
        pubacks,
      });
    },
  });
}

/** Each on its own connection, in the order of reception (MQTT 5, 4.6). */
export function acknowledge(received: readonly Received[]): void {
  for (const [pubacks, some] of Map.groupBy(received, (each) => each.pubacks)) {
    pubacks.send(some.flatMap(({ messageId }) => messageId ?? []));
  }
}
