/**
 * The publish loop of a session: keeps a few publish requests waiting at the server, hands each message to its subscription,
 * and acknowledges it with the next request. Ends only by rejecting: when the connection is of no more use.
 *
 * Every subscription must be heard within its keep-alive time and the time-out of the device: a server that keeps the
 * connection open but has stopped, is noticed here and nowhere else.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { type NotificationMessage, PublishRequest, type PublishResponse, type Session } from './library.ts';
import { mentions } from './trouble.ts';

export type Subscriber = {
  readonly device: string;
  readonly subscriptionId: number;
  readonly keepAliveMs: number;
  /** Synchronous. Gives what ends the subscription; null while it lives. */
  readonly onMessage: (message: NotificationMessage) => Error | null;
};

/** Requests beyond one per subscription, so that the server can go on while an answer is on its way. */
const spareRequests = 2;
const maxRequests = 10;
const checkEveryMs = 500;

export function publishUntilLost(
  session: Pick<Session, 'publish'>,
  subscribers: readonly Subscriber[],
  options: {
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly onAlive: () => void;
  },
): Promise<never> {
  const { clock, timeoutMs, signal, onAlive } = options;
  const heard = new Map(subscribers.map(({ subscriptionId }) => [subscriptionId, clock.monotonicMs()]));
  const bySubscription = new Map(subscribers.map((subscriber) => [subscriber.subscriptionId, subscriber]));
  const longestSilenceMs = Math.max(...subscribers.map(({ keepAliveMs }) => keepAliveMs)) + timeoutMs;
  let acknowledgements: { subscriptionId: number; sequenceNumber: number }[] = [];
  let waiting = 0;
  let allowed = Math.min(maxRequests, subscribers.length + spareRequests);

  return new Promise<never>((_resolve, reject) => {
    let ended = false;
    const end = (reason: unknown): void => {
      ended = true;
      clearInterval(watchdog);
      reject(reason);
    };

    const fill = (): void => {
      while (!ended && waiting < allowed) send();
    };

    const send = (): void => {
      waiting += 1;
      const carried = acknowledgements;
      acknowledgements = [];
      // The server may keep the request until its turn comes, behind those that wait before it.
      const requestHeader = { timeoutHint: (waiting + 1) * longestSilenceMs };
      session.publish(
        new PublishRequest({ requestHeader, subscriptionAcknowledgements: carried }),
        (error, response) => {
          waiting -= 1;
          if (ended) return;
          if (error !== null) onRefused(error, carried);
          else if (response !== undefined) onResponse(response);
          fill();
        },
      );
    };

    const onRefused = (error: Error, carried: typeof acknowledgements): void => {
      acknowledgements.unshift(...carried);
      if (mentions(error, 'BadTooManyPublishRequests') && waiting > 0) allowed = waiting;
      else if (!mentions(error, 'BadTimeout')) end(error);
    };

    const onResponse = ({ subscriptionId, notificationMessage }: PublishResponse): void => {
      heard.set(subscriptionId, clock.monotonicMs());
      onAlive();
      if ((notificationMessage.notificationData?.length ?? 0) === 0) return;
      const { sequenceNumber } = notificationMessage;
      acknowledgements.push({ subscriptionId, sequenceNumber });
      const ending = bySubscription.get(subscriptionId)?.onMessage(notificationMessage) ?? null;
      if (ending !== null) end(ending);
    };

    const watchdog = setInterval(() => {
      const now = clock.monotonicMs();
      for (const { device, subscriptionId, keepAliveMs } of subscribers) {
        const silentMs = now - (heard.get(subscriptionId) ?? now);
        if (silentMs <= keepAliveMs + timeoutMs) continue;
        end(
          new FieldlineError('device/timeout', `${device}: the server has been silent for ${Math.round(silentMs)} ms`),
        );
        return;
      }
    }, checkEveryMs);

    signal.addEventListener('abort', () => end(signal.reason), { once: true });
    fill();
  });
}
