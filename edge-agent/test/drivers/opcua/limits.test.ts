import { describeWith, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { inCalls } from '../../../src/drivers/opcua/session/call-limit.ts';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { asyncua, useAsyncua } from './peers/asyncua.ts';

const rigFor = useRigs();
const serverWith = useAsyncua();

const many = Array.from({ length: 23 }, (_, position) => plantNode(`n${position}`, 'Double', position));
const tags = many.map(({ name }) => tagOf(name));

describeWith(asyncua, 'a server of small limits', () => {
  test('that takes 5 nodes per read and 7 items per call, and does not say so, gives every item', async () => {
    const limits = { nodesPerRead: 5, itemsPerCall: 7 };
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: many, limits });
    const rig = rigFor({ endpoint: server.endpoint, tags });
    for (const { name, value } of many) await rig.sees(name, Number(value));
    expect(rig.samples).toHaveLength(many.length);
    expect(rig.driver.status()).toEqual([{ device: 'server1', state: 'connected', trouble: null }]);
  });

  test('that states 10 items a subscription carries a device with several, also after a restart', async () => {
    const settings = { namespaces: ['urn:plant'], nodes: many, limits: { items: 10, statesItems: true } };
    const server = await serverWith(settings);
    const missing = ['x', 'y', 'z'].map((name) => tagOf(name));
    const rig = rigFor({ endpoint: server.endpoint, tags: [...tags, ...missing] });
    for (const { name, value } of many) await rig.sees(name, Number(value));
    for (const { tag } of missing) await rig.turns(tag, 'bad/address');
    expect(await rig.metric('fieldline_opcua_refused_items')).toBe(3);
    expect(rig.driver.status()).toHaveLength(1);
    await server.kill();
    await rig.turns('n0', 'bad/not-connected');
    await serverWith({ ...settings, port: server.port });
    for (const { name, value } of many) await rig.sees(name, Number(value));
    await waitFor(async () => (await rig.metric('fieldline_opcua_refused_items')) === 3, { what: 'three refused' });
  });

  test('that takes 20 items a subscription gives these, and of the others the reason', async () => {
    const server = await serverWith({ namespaces: ['urn:plant'], nodes: many, limits: { items: 20 } });
    const rig = rigFor({ endpoint: server.endpoint, tags });
    for (const { name, value } of many.slice(0, 20)) await rig.sees(name, Number(value));
    for (const { name } of many.slice(20)) await rig.turns(name, 'bad/refused');
    await waitFor(() => rig.driver.status()[0]?.trouble?.includes('BadTooManyMonitoredItems'), { what: 'the reason' });
  });
});

describe('operations in calls', () => {
  const callsOf = (most: number) => {
    const sizes: number[] = [];
    return {
      sizes,
      call: async (some: readonly number[]): Promise<number[]> => {
        sizes.push(some.length);
        if (some.length > most) throw new Error('ServiceFault: BadTooManyOperations (0x80100000)');
        return some.map((each) => -each);
      },
    };
  };
  const operations = Array.from({ length: 30 }, (_, position) => position);

  test('are halved until the server takes them, once for all calls', async () => {
    const limit = { atOnce: 20 };
    const { sizes, call } = callsOf(7);
    expect(await inCalls(limit, operations, call)).toEqual(operations.map((each) => -each));
    expect(sizes).toEqual([20, 10, 5, 5, 5, 5, 5, 5]);
    await inCalls(limit, operations.slice(0, 10), call);
    expect(sizes.slice(8)).toEqual([5, 5]);
  });

  test('of one operation are not halved any more: what refuses that is told', async () => {
    await expect(inCalls({ atOnce: 4 }, operations, callsOf(0).call)).rejects.toThrow('BadTooManyOperations');
  });

  test('that are answered in part are not taken for answered', async () => {
    await expect(inCalls({ atOnce: 4 }, operations, async () => [1])).rejects.toThrow(
      'the server answered 1 of 4 operations of one call',
    );
  });
});
