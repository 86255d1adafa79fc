import { describeWith } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import * as limits from '../../../src/commands/limits/command.ts';
import { plantNode } from '../../drivers/opcua/harness.ts';
import { asyncua, useAsyncua } from '../../drivers/opcua/peers/asyncua.ts';
import { useNodeOpcua } from '../../drivers/opcua/peers/node-opcua.ts';
import { runByHand } from '../run-by-hand.ts';

const asyncuaWith = useAsyncua();
const nodeOpcuaWith = useNodeOpcua();

async function measured(endpoint: string, ...args: string[]): Promise<Record<string, string>> {
  const { said, thrown } = await runByHand(limits, [endpoint, '--security', 'None', ...args]);
  expect(thrown).toBe(null);
  return Object.fromEntries(
    said.slice(1).map((line) => [line.slice(0, 25).trim(), line.slice(25).replace(/ +/g, ' ').trim()]),
  );
}

describeWith(asyncua, 'the limits of a server that states others', () => {
  test('are measured: nodes per read, items per call and subscription, subscriptions', async () => {
    const server = await asyncuaWith({
      namespaces: ['urn:plant'],
      nodes: [plantNode('level', 'Double', 0)],
      limits: { nodesPerRead: 5, itemsPerCall: 7, items: 20, subscriptions: 3, samplingMs: 20 },
    });
    const found = await measured(server.endpoint, '--node', 'nsu=urn:plant;s=level', '--most', '100');
    expect(found['nodes per read']).toMatch(/ 5$/);
    expect(found['items per call']).toMatch(/ 7$/);
    expect(found['items per subscription']).toMatch(/ 20$/);
    expect(found['subscriptions per session']).toMatch(/ 3$/);
    expect(found['sampling every']).toBe('20 ms for 1, 20 ms for 0');
    expect(found['absolute deadband']).toBe('yes');
    expect(found['history of the node']).toBe('not kept');
    expect(found.transfer).toBe('yes');
  });
});

test('what a server refuses is told with its reason, and nothing of it is left there', async () => {
  const server = await nodeOpcuaWith({ nodes: [plantNode('level', 'Double', 0)], itemsPerCall: 9 });
  const found = await measured(server.endpoint, '--node', 'nsu=urn:plant;s=level', '--most', '50');
  expect(found['nodes per read']).toMatch(/ 50 or more$/);
  expect(found['items per call']).toBe('9 9');
  expect(found['percent deadband']).toMatch(/^no \(Bad\w+\)$/);
  expect(await server.ask({ do: 'subscriptions' })).toBe(0);
  expect(await server.ask({ do: 'sessions' })).toBe(0);
});

test('a node that is none, and an address that is missing, are told before anything is asked', async () => {
  const { thrown } = await runByHand(limits, ['opc.tcp://127.0.0.1:1', '--node', 'level']);
  expect(thrown).toMatchObject({ code: 'arguments/invalid' });
  expect((await runByHand(limits, [])).thrown).toMatchObject({ code: 'arguments/invalid' });
});
