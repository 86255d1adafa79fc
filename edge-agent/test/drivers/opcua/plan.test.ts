import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { describe, expect, test } from 'vitest';
import {
  planEndpoints,
  queueSizeFor,
  sessionTimeoutMs,
  subscriptionParameters,
} from '../../../src/drivers/opcua/plan.ts';

const device = (name: string, settings: object = {}) =>
  opcuaDeviceSchema.parse({
    device: name,
    protocol: 'opcua',
    endpoint: 'opc.tcp://plc:4840',
    tags: [
      { tag: 'a', node: 'i=1' },
      { tag: 'b', node: 'i=2', samplingMs: 50 },
    ],
    ...settings,
  });

describe('sessions', () => {
  test('are one per endpoint, security and user', () => {
    const plans = planEndpoints([
      device('a'),
      device('b'),
      device('c', { username: 'x', passwordFile: 'p' }),
      device('d', { endpoint: 'opc.tcp://other:4840' }),
      device('e', { security: { policy: 'None', mode: 'None' } }),
      device('f', { userCertificateFile: 'c', userKeyFile: 'k' }),
      device('g', { username: 'x', passwordFile: 'p', passwordInClearText: true }),
    ]);
    expect(plans.map(({ subscriptions }) => subscriptions.map((each) => each.device).join())).toEqual([
      'a,b',
      'c',
      'd',
      'e',
      'f',
      'g',
    ]);
  });

  test('outlast three keep-alives of their slowest subscription', () => {
    const [plan] = planEndpoints([device('a'), device('b', { publishingMs: 60_000 })]);
    expect(plan === undefined ? 0 : sessionTimeoutMs(plan)).toBe(180_000);
  });
});

describe('queues', () => {
  test('hold what is sampled between two publishes, and one more', () => {
    expect(queueSizeFor(1_000, 100)).toBe(11);
    expect(queueSizeFor(500, 500)).toBe(2);
    expect(queueSizeFor(500, 2_000)).toBe(2);
    expect(queueSizeFor(1_000, 0)).toBe(101);
    expect(queueSizeFor(10_000_000, 0)).toBe(10_000);
  });
});

describe('subscriptions', () => {
  test.each([50, 500, 5_000, 60_000])('publishing every %d ms live at least three keep-alives', (publishingMs) => {
    const [plan] = planEndpoints([device('a', { publishingMs })]);
    const [subscription] = plan?.subscriptions ?? [];
    if (subscription === undefined) throw new Error('no subscription planned');
    const { requestedLifetimeCount, requestedMaxKeepAliveCount } = subscriptionParameters(subscription);
    expect(requestedLifetimeCount).toBeGreaterThanOrEqual(3 * requestedMaxKeepAliveCount);
    expect(requestedMaxKeepAliveCount * publishingMs).toBeGreaterThanOrEqual(Math.min(5_000, publishingMs));
  });

  test('have one item for all tags that read a node the same way', () => {
    const tags = [
      { tag: 'a', node: 'i=1' },
      { tag: 'b', node: 'i=2' },
      { tag: 'a-status', node: 'i=1', part: 'status', type: 'uint32' },
      { tag: 'a-fast', node: 'i=1', samplingMs: 10 },
    ];
    const [plan] = planEndpoints([device('a', { tags })]);
    const items = plan?.subscriptions[0]?.items ?? [];
    expect(items.map(({ members }) => members.map(({ tag }) => tag.tag).join())).toEqual(['a,a-status', 'b', 'a-fast']);
  });

  test('sample each tag as it states, else as the device does', () => {
    const [plan] = planEndpoints([device('a')]);
    expect(plan?.subscriptions[0]?.items.map(({ samplingMs }) => samplingMs)).toEqual([500, 50]);
  });
});

describe('filters', () => {
  const filterOf = (tag: object, settings: object = {}) => {
    const [plan] = planEndpoints([device('a', { tags: [{ tag: 'a', node: 'i=1', ...tag }], ...settings })]);
    const filter = plan?.subscriptions[0]?.items[0]?.filter;
    if (filter === undefined) throw new Error('no item planned');
    return filter;
  };

  test('ask the server for a deadband only where the settings say that it holds back', () => {
    expect(filterOf({ deadband: 2 })).toEqual({ trigger: 'status-value', deadband: null });
    expect(filterOf({ deadband: 2 }, { deadbandAt: 'server' }).deadband).toEqual({ kind: 'absolute', value: 2 });
    expect(filterOf({ deadbandPercent: 2, deadbandAt: 'server' }).deadband).toEqual({ kind: 'percent', value: 2 });
    expect(filterOf({ deadband: 0, deadbandAt: 'server' }).deadband).toBeNull();
  });

  test('of a tag go before those of its device, in whichever form', () => {
    const percent = { deadbandPercent: 5, deadbandAt: 'server', trigger: 'status-value-timestamp' };
    expect(filterOf({ deadband: 2 }, percent)).toEqual({
      trigger: 'status-value-timestamp',
      deadband: { kind: 'absolute', value: 2 },
    });
    expect(filterOf({}, percent).deadband).toEqual({ kind: 'percent', value: 5 });
    expect(filterOf({ type: 'string' }, percent).deadband).toBeNull();
  });
});
