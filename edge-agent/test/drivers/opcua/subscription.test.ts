import { join } from 'node:path';
import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { qualityName, type Sample } from '@fieldline/shared/contracts';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import {
  CreateSubscriptionResponse,
  DataChangeNotification,
  DataType,
  NotificationMessage,
  StatusChangeNotification,
  StatusCodes,
} from 'node-opcua';
import { expect, test } from 'vitest';
import { openGapNotes } from '../../../src/drivers/opcua/history/gap-notes.ts';
import { createGaps } from '../../../src/drivers/opcua/history/gaps.ts';
import { createAcknowledgements } from '../../../src/drivers/opcua/items/acknowledgements.ts';
import { createDeviceSubscription } from '../../../src/drivers/opcua/items/subscription.ts';
import { createOpcuaMetrics } from '../../../src/drivers/opcua/metrics.ts';
import { planEndpoints } from '../../../src/drivers/opcua/plan.ts';

const gatewayMs = 1_770_000_000_000;
/** The clock of the server is an hour behind ours. */
const serverMs = gatewayMs - 3_600_000;

/** `away`: at first the server could not be reached. */
async function subscribed({ away = false } = {}) {
  const emitted: (readonly Sample[])[] = [];
  const device = opcuaDeviceSchema.parse({
    device: 'd',
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    tags: ['a', 'b'].map((tag, position) => ({ tag, node: `i=${position + 1}` })),
  });
  const [plan] = planEndpoints([device]).flatMap(({ subscriptions }) => subscriptions);
  if (plan === undefined) throw new Error('no subscription planned');
  const metrics = createMetrics();
  const context = {
    clock: { now: () => gatewayMs * 1_000, monotonicMs: () => 0 },
    log: silentLog,
    metrics,
    heldSinceMs: () => null,
    emit: (samples: readonly Sample[]) => void emitted.push(samples),
    declare: () => {},
    whenKept: () => {},
    lastKept: () => null,
    standing: () => [],
  };
  const known = createOpcuaMetrics(metrics);
  const notes = openGapNotes(join(temporaryFolder(), 'gaps.jsonl'), silentLog);
  const gaps = createGaps(plan, context, { metrics: known, notes });
  const options = { acknowledgements: createAcknowledgements(), retryNodes: { firstMs: 1, maxMs: 1 }, gaps };
  const subscription = createDeviceSubscription(plan, context, known, options);
  if (away) subscription.disconnect();
  const responseHeader = { timestamp: new Date(serverMs) };
  const revised = { responseHeader, subscriptionId: 1, revisedPublishingInterval: 200, revisedMaxKeepAliveCount: 10 };
  const { onMessage, keepAliveMs, ended } = await subscription.bring({
    createSubscription: async () => new CreateSubscriptionResponse(revised),
    deleteSubscriptions: () => Promise.reject(new Error('not asked for')),
    transferSubscriptions: () => Promise.reject(new Error('not asked for')),
    read: () => Promise.reject(new Error('not asked for')),
    republish: (_request: unknown, answer: (error: Error | null) => void) =>
      answer(new Error('BadMessageNotAvailable')),
  });
  const gapsOf = () => plan.items.map(({ gap }) => gap?.from ?? null);
  return { subscription, emitted, gapsOf, onMessage, keepAliveMs, ended };
}

const message = (sequenceNumber: number, values: readonly number[] = [0], atMs = serverMs): NotificationMessage =>
  new NotificationMessage({
    sequenceNumber,
    publishTime: new Date(atMs),
    notificationData: [
      new DataChangeNotification({
        monitoredItems: values.map((value, clientHandle) => ({
          clientHandle,
          value: { value: { dataType: DataType.Double, value }, sourceTimestamp: new Date(atMs) },
        })),
      }),
    ],
  });

test('one message is emitted at once, and the keep-alive time is what the server granted', async () => {
  const { emitted, onMessage, keepAliveMs } = await subscribed();
  onMessage(message(1, [1, 2]));
  expect(emitted.map((samples) => samples.map(({ tag, value }) => `${tag.tag} ${value}`))).toEqual([['a 1', 'b 2']]);
  expect(keepAliveMs).toBe(2_000);
});

test('where our clock is ahead of a server that could not be reached at first, its values keep their times, however late they come', async () => {
  const { emitted, onMessage } = await subscribed({ away: true });
  const first = message(1, [1, 2]);
  first.publishTime = new Date(gatewayMs + 1_000);
  onMessage(first);
  const [marks, values] = emitted;
  expect(marks?.map(({ time, quality }) => [time, qualityName(quality)])).toEqual([
    [gatewayMs * 1_000, 'bad/not-connected'],
    [gatewayMs * 1_000, 'bad/not-connected'],
  ]);
  expect(values?.map(({ time, value }) => [time, value])).toEqual([
    [serverMs * 1_000, 1],
    [serverMs * 1_000, 2],
  ]);
});

test('our own bad samples go by the clock of the server, as the others of the tag do', async () => {
  const { subscription, emitted, onMessage } = await subscribed();
  onMessage(message(1, [1, 2]));
  subscription.disconnect();
  subscription.disconnect();
  const [, bad, ...more] = emitted;
  expect(more).toEqual([]);
  expect(bad?.map(({ time, quality }) => [time - serverMs * 1_000, qualityName(quality)])).toEqual([
    [1, 'bad/not-connected'],
    [1, 'bad/not-connected'],
  ]);
});

test('messages that the server no longer has open a gap for what was heard of, also where the numbers begin again', async () => {
  const { gapsOf, onMessage } = await subscribed();
  onMessage(message(0xffff_fffe, [1, 2]));
  onMessage(message(0xffff_ffff));
  onMessage(message(1));
  expect(gapsOf()).toEqual([null, null]);
  onMessage(message(4, [0], serverMs + 500));
  await waitFor(() => gapsOf().some((gap) => gap !== null), { what: 'an open gap' });
  // Of the first this message says how it stands.
  expect(gapsOf()).toEqual([null, serverMs * 1_000]);
});

test('a subscription that the server ends is told as such', async () => {
  const { onMessage, ended } = await subscribed();
  const notificationData = [new StatusChangeNotification({ status: StatusCodes.BadTimeout })];
  onMessage(new NotificationMessage({ sequenceNumber: 1, publishTime: new Date(serverMs), notificationData }));
  await expect(ended).rejects.toThrow('the server ended the subscription: BadTimeout');
});

test('the end of a subscription is no word of the server on its values: they are unknown since the message before', async () => {
  const { subscription, emitted, onMessage } = await subscribed();
  onMessage(message(1, [1, 2]));
  const notificationData = [new StatusChangeNotification({ status: StatusCodes.BadTimeout })];
  onMessage(new NotificationMessage({ sequenceNumber: 2, publishTime: new Date(serverMs + 10_000), notificationData }));
  subscription.disconnect();
  expect(emitted.at(-1)?.map(({ time }) => time - serverMs * 1_000)).toEqual([1, 1]);
});
