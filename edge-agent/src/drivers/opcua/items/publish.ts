/**
 * The publish loop of a session: keeps a few publish requests waiting at the server, hands each message to its subscription, and
 * sends with each request what is to be acknowledged. Ends only by rejecting: when the connection is of no more use.
 *
 * Every subscription must be heard within its keep-alive time and the time-out of the device: a server that keeps the
 * connection open but has stopped, is noticed here and nowhere else.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { type NotificationMessage, PublishRequest, type PublishResponse, type Session } from '../library.ts';
import { mentions } from '../trouble.ts';
import type { Acknowledgement, Acknowledgements } from './acknowledgements.ts';

export type Subscriber = {
  readonly device: string;
  readonly subscriptionId: number;
  readonly keepAliveMs: number;
  /** Synchronous. Messages with data and keep-alives. */
  readonly onMessage: (message: NotificationMessage) => void;
  /** Nothing came from it for too long, while the connection is open. */
  readonly onSilent: () => void;
  /** Rejects when the server has ended it. */
  readonly ended: Promise<never>;
};

/** Requests beyond one per subscription, so that the server can go on while an answer is on its way. */
const spareRequests = 2;
const maxRequests = 10;
const checkEveryMs = 500;

export function publishUntilLost(
  session: Pick<Session, 'publish'>,
  subscribers: readonly Subscriber[],
  options: {
    readonly acknowledgements: Acknowledgements;
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly onAlive: () => void;
  },
): Promise<never> {
  const { acknowledgements, clock, timeoutMs, signal, onAlive } = options;
  const heard = new Map(subscribers.map(({ subscriptionId }) => [subscriptionId, clock.monotonicMs()]));
  const bySubscription = new Map(subscribers.map((subscriber) => [subscriber.subscriptionId, subscriber]));
  const longestSilenceMs = Math.max(...subscribers.map(({ keepAliveMs }) => keepAliveMs)) + timeoutMs;
  /** What the requests that wait at the server have carried there. */
  const carriedByWaiting = new Set<readonly Acknowledgement[]>();
  let allowed = Math.min(maxRequests, subscribers.length + spareRequests);

  return new Promise<never>((_resolve, reject) => {
    let ended = false;
    const end = (reason: unknown): void => {
      if (ended) return;
      ended = true;
      clearInterval(watchdog);
      for (const carried of carriedByWaiting) acknowledgements.giveBack(carried);
      reject(reason);
    };

    const fill = (): void => {
      while (!ended && carriedByWaiting.size < allowed) send();
    };

    const send = (): void => {
      const carried = [...acknowledgements.take()];
      carriedByWaiting.add(carried);
      // The server may keep the request until its turn comes, behind those that wait before it.
      const requestHeader = { timeoutHint: (carriedByWaiting.size + 1) * longestSilenceMs };
      session.publish(
        new PublishRequest({ requestHeader, subscriptionAcknowledgements: carried }),
        (error, response) => {
          if (ended) return;
          carriedByWaiting.delete(carried);
          if (error !== null) onRefused(error, carried);
          else if (response !== undefined) onResponse(response);
          fill();
        },
      );
    };

    const onRefused = (error: Error, carried: readonly Acknowledgement[]): void => {
      acknowledgements.giveBack(carried);
      if (mentions(error, 'BadTooManyPublishRequests') && carriedByWaiting.size > 0) allowed = carriedByWaiting.size;
      else if (!mentions(error, 'BadTimeout')) end(error);
    };

    const onResponse = ({ subscriptionId, notificationMessage }: PublishResponse): void => {
      heard.set(subscriptionId, clock.monotonicMs());
      onAlive();
      bySubscription.get(subscriptionId)?.onMessage(notificationMessage);
    };

    const watchdog = setInterval(() => {
      const now = clock.monotonicMs();
      for (const { device, subscriptionId, keepAliveMs, onSilent } of subscribers) {
        const silentMs = now - (heard.get(subscriptionId) ?? now);
        if (silentMs <= keepAliveMs + timeoutMs) continue;
        onSilent();
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
