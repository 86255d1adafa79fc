import { type Clock, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import type { PublishRequest } from 'node-opcua';
import { NotificationMessage, PublishResponse, StatusChangeNotification } from 'node-opcua';
import { afterEach, expect, test } from 'vitest';
import { createAcknowledgements } from '../../../src/drivers/opcua/items/acknowledgements.ts';
import { publishUntilLost } from '../../../src/drivers/opcua/items/publish.ts';

type Pending = { request: PublishRequest; answer: (error: Error | null, response?: PublishResponse) => void };

let ending = new AbortController();
afterEach(() => ending.abort(new Error('end of the test')));

/** The publish loop over a session whose other end is the test. */
function loop(options: { clock?: Clock } = {}) {
  ending = new AbortController();
  const pending: Pending[] = [];
  const heard: number[] = [];
  const acknowledgements = createAcknowledgements();
  let silent = 0;
  const publish = (request: PublishRequest, answer: Pending['answer']): void => void pending.push({ request, answer });
  const subscriber = {
    device: 'd',
    subscriptionId: 7,
    keepAliveMs: 1_000,
    onMessage: ({ sequenceNumber }: NotificationMessage) => void heard.push(sequenceNumber),
    onSilent: () => {
      silent += 1;
    },
    ended: new Promise<never>(() => {}),
  };
  const { clock = systemClock } = options;
  const lost = publishUntilLost({ publish }, [subscriber], {
    acknowledgements,
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
  const keep = (sequenceNumber: number): void => acknowledgements.add({ subscriptionId: 7, sequenceNumber });
  return { pending, heard, lost, message, refuse, keep, acknowledgements, silences: () => silent };
}

const acknowledged = ({ request }: Pending): number[] =>
  (request.subscriptionAcknowledgements ?? []).map(({ sequenceNumber }) => sequenceNumber);

test('three requests wait at the server, and what is kept is acknowledged with the next, never before', () => {
  const { pending, heard, message, keep } = loop();
  expect(pending).toHaveLength(3);
  message(1, true);
  message(2, true);
  expect(pending.map(acknowledged)).toEqual([[], [], []]);
  keep(1);
  message(3, true);
  expect(pending).toHaveLength(3);
  expect(pending.map(acknowledged)).toEqual([[], [], [1]]);
  expect(heard).toEqual([1, 2, 3]);
});

test('a keep-alive is handed on as well', () => {
  const { heard, message } = loop();
  message(1, false);
  expect(heard).toEqual([1]);
});

test('a server that takes fewer requests is asked with as many as it takes, and no acknowledgement is lost', () => {
  const { pending, message, refuse, keep } = loop();
  keep(1);
  message(1, true);
  const [, , carrying] = pending;
  expect(carrying === undefined ? [] : acknowledged(carrying)).toEqual([1]);
  pending.unshift(...pending.splice(2));
  refuse('BadTooManyPublishRequests');
  expect(pending).toHaveLength(2);
  keep(2);
  message(2, true);
  expect(pending).toHaveLength(2);
  expect(pending.map(acknowledged)).toEqual([[], [1, 2]]);
});

test('acknowledgements that were on their way when the connection was lost go with the next one', async () => {
  const { message, lost, keep, acknowledgements, refuse } = loop();
  keep(1);
  message(1, true);
  keep(2);
  refuse('Connection Break');
  await expect(lost).rejects.toThrow('Connection Break');
  expect(acknowledgements.take().map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2]);
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
  const { lost, message, silences } = loop({ clock: { ...systemClock, monotonicMs: () => now } });
  now = 1_400;
  message(1, false);
  let ended = false;
  lost.catch(() => {
    ended = true;
  });
  now = 2_901;
  await waitFor(() => ended, { what: 'the watchdog' });
  await expect(lost).rejects.toThrow('d: the server has been silent for 1501 ms');
  expect(silences()).toBe(1);
});
