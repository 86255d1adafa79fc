import { waitFor } from '@fieldline/shared/testing';
import { NotificationMessage, type RepublishRequest, RepublishResponse, StatusChangeNotification } from 'node-opcua';
import { describe, expect, test } from 'vitest';
import { createMessageOrder } from '../../../src/drivers/opcua/items/message-order.ts';

const message = (sequenceNumber: number, withData = true): NotificationMessage =>
  new NotificationMessage({ sequenceNumber, notificationData: withData ? [new StatusChangeNotification()] : [] });
const keepAlive = (sequenceNumber: number): NotificationMessage => message(sequenceNumber, false);

/** An order over a server that still has the messages in `kept`, and else answers with the error. */
function ordered(kept: readonly number[], error = 'BadMessageNotAvailable (0x807b0000)', fatal = -1) {
  const delivered: string[] = [];
  const asked: number[] = [];
  const server = { error };
  const order = createMessageOrder({
    session: {
      read: () => Promise.reject(new Error('not asked for')),
      republish: (
        request: RepublishRequest,
        answer: (error: Error | null, response?: RepublishResponse) => void,
      ): void => {
        const number = request.retransmitSequenceNumber;
        asked.push(number);
        setImmediate(() => {
          if (!kept.includes(number)) answer(new Error(server.error));
          else answer(null, new RepublishResponse({ notificationMessage: message(number) }));
        });
      },
    },
    subscriptionId: 7,
    deliver: ({ sequenceNumber, notificationData }, isRepublished) => {
      if (sequenceNumber === fatal) throw new Error('no value that anybody knows');
      if (notificationData?.length !== 0) delivered.push(`${sequenceNumber}${isRepublished ? ' again' : ''}`);
    },
    onMissing: (count, before) => delivered.push(`${count} missing before ${before.sequenceNumber}`),
    onRepeated: ({ sequenceNumber }) => delivered.push(`${sequenceNumber} repeated`),
  });
  const take = (...messages: readonly NotificationMessage[]): void => {
    for (const each of messages) order.take(each);
  };
  const delivers = (expected: readonly string[]): Promise<true> =>
    waitFor(() => JSON.stringify(delivered) === JSON.stringify(expected), {
      what: `${expected.join(', ')} to be delivered, not ${delivered.join(', ')}`,
    });
  return { order, take, delivered, delivers, asked, server };
}

describe('messages that come', () => {
  test('and cannot be delivered are missing, and hold up no other', () => {
    const { take, delivered } = ordered([], 'BadMessageNotAvailable', 2);
    take(message(1), message(2), message(3));
    expect(delivered).toEqual(['1', '1 missing before 2', '3']);
  });

  test('in order are delivered at once; one that comes again is not, and 1 follows the last number', () => {
    const { take, delivered } = ordered([]);
    take(message(0xffff_fffe), message(0xffff_ffff), keepAlive(1), message(1), message(1), message(2));
    expect(delivered).toEqual(['4294967294', '4294967295', '1', '1 repeated', '2']);
  });

  test('too early wait until those before them were asked for', async () => {
    const { take, delivers, delivered } = ordered([2, 3]);
    take(message(1), message(4), message(5));
    expect(delivered).toEqual(['1']);
    await delivers(['1', '2 again', '3 again', '4', '5']);
  });

  test('too early are delivered without those that the server no longer has, and these are told as missing', async () => {
    const { take, delivers } = ordered([3]);
    take(message(1), message(5));
    await delivers(['1', '1 missing before 3', '3 again', '1 missing before 5', '5']);
  });

  test('not at all are noticed by the next keep-alive, which has the number of the message to come', async () => {
    const { take, delivers } = ordered([2]);
    take(message(1), keepAlive(2), keepAlive(3), message(3));
    await delivers(['1', '2 again', '3']);
  });

  test('too early, to a server that does not know how to send again, are delivered', async () => {
    const { take, delivers, asked } = ordered([], 'BadServiceUnsupported (0x800b0000)');
    take(message(1), message(4));
    await delivers(['1', '2 missing before 4', '4']);
    expect(asked).toEqual([2]);
  });

  test('too early, while the line breaks, are given up: the server has them still, and is asked after the break', async () => {
    const { order, take, delivered, delivers, server } = ordered([3, 4], 'Connection Break');
    take(message(1), message(4));
    await waitFor(() => take(message(1)) === undefined && delivered.includes('1 repeated'), {
      what: 'the end of waiting',
    });
    expect(delivered.filter((each) => !each.includes('repeated'))).toEqual(['1']);
    delivered.length = 0;
    server.error = 'BadMessageNotAvailable';
    expect(await order.catchUp()).toBe(true);
    take(message(5));
    await delivers(['1 missing before 3', '3 again', '4 again', '5']);
  });
});

describe('after a break', () => {
  test('everything is asked for that the server has sent meanwhile, from the first message on if none came', async () => {
    const { order, delivered, asked } = ordered([1, 2, 3]);
    expect(await order.catchUp()).toBe(true);
    expect(delivered).toEqual(['1 again', '2 again', '3 again']);
    expect(asked).toEqual([1, 2, 3, 4]);
  });

  test('a subscription that is no more is told', async () => {
    const { order } = ordered([], 'BadSubscriptionIdInvalid (0x80280000)');
    expect(await order.catchUp()).toBe(false);
  });

  test('a line that breaks again is passed on', async () => {
    const { order } = ordered([], 'Connection Break');
    await expect(order.catchUp()).rejects.toThrow('Connection Break');
  });
});
