import { type Clock, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import type { PublishRequest } from 'node-opcua';
import { NotificationMessage, PublishResponse, StatusChangeNotification } from 'node-opcua';
import { afterEach, expect, test } from 'vitest';
import { publishUntilLost } from '../../../src/drivers/opcua/publish.ts';

type Pending = { request: PublishRequest; answer: (error: Error | null, response?: PublishResponse) => void };

let ending = new AbortController();
afterEach(() => ending.abort(new Error('end of the test')));

/** The publish loop over a session whose other end is the test. */
function loop(options: { clock?: Clock } = {}) {
  ending = new AbortController();
  const pending: Pending[] = [];
  const heard: number[] = [];
  const publish = (request: PublishRequest, answer: Pending['answer']): void => void pending.push({ request, answer });
  const subscriber = {
    device: 'd',
    subscriptionId: 7,
    keepAliveMs: 1_000,
    onMessage: ({ sequenceNumber }: NotificationMessage) => {
      heard.push(sequenceNumber);
      return null;
    },
  };
  const { clock = systemClock } = options;
  const lost = publishUntilLost({ publish }, [subscriber], {
    clock,
    timeoutMs: 500,
    signal: ending.signal,
    onAlive: () => {},
  });
  lost.catch(() => undefined);
  const message = (sequenceNumber: number, withData: boolean): void => {
    const notificationData = withData ? [new StatusChangeNotification()] : [];
    const notificationMessage = new NotificationMessage({ sequenceNumber, notificationData });
    pending.shift()?.answer(null, new PublishResponse({ subscriptionId: 7, notificationMessage }));
  };
  const refuse = (error: string): void => pending.shift()?.answer(new Error(error));
  return { pending, heard, lost, message, refuse };
}

const acknowledged = ({ request }: Pending): number[] =>
  (request.subscriptionAcknowledgements ?? []).map(({ sequenceNumber }) => sequenceNumber);

test('three requests wait at the server, and each message is acknowledged with the next', () => {
  const { pending, heard, message } = loop();
  expect(pending).toHaveLength(3);
  message(1, true);
  message(2, true);
  expect(pending).toHaveLength(3);
  expect(pending.map(acknowledged)).toEqual([[], [1], [2]]);
  expect(heard).toEqual([1, 2]);
});

test('a keep-alive is not acknowledged: its number is that of the next message', () => {
  const { pending, heard, message } = loop();
  message(1, false);
  expect(pending.map(acknowledged)).toEqual([[], [], []]);
  expect(heard).toEqual([]);
});

test('a server that takes fewer requests is asked with as many as it takes, and no acknowledgement is lost', () => {
  const { pending, message, refuse } = loop();
  message(1, true);
  const [, , carrying] = pending;
  expect(carrying === undefined ? [] : acknowledged(carrying)).toEqual([1]);
  pending.unshift(...pending.splice(2));
  refuse('BadTooManyPublishRequests');
  expect(pending).toHaveLength(2);
  message(2, true);
  expect(pending).toHaveLength(2);
  expect(pending.map(acknowledged)).toEqual([[], [1, 2]]);
});

test('a request that the server let expire is made again; any other refusal ends the loop', async () => {
  const { pending, lost, refuse } = loop();
  refuse('BadTimeout (0x800a0000)');
  expect(pending).toHaveLength(3);
  refuse('BadNoSubscription (0x80790000)');
  await expect(lost).rejects.toThrow('BadNoSubscription');
  expect(pending).toHaveLength(2);
});

test('a server that is silent for longer than its keep-alive and the time-out ends the loop', async () => {
  let now = 0;
  const { lost, message } = loop({ clock: { ...systemClock, monotonicMs: () => now } });
  now = 1_400;
  message(1, false);
  let ended = false;
  lost.catch(() => {
    ended = true;
  });
  now = 2_901;
  await waitFor(() => ended, { what: 'the watchdog' });
  await expect(lost).rejects.toThrow('d: the server has been silent for 1501 ms');
});
