import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readEdgeConfig } from '@fieldline/shared/config/load-edge';
import { describeWith, temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import * as limits from '../../../src/commands/limits/command.ts';
import { move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { profilesFolder } from '../../../src/profiles-folder.ts';
import { certificateFolder, resolvePaths } from '../../../src/resolve-paths.ts';
import { plantNode } from '../../drivers/opcua/harness.ts';
import { asyncua, useAsyncua } from '../../drivers/opcua/peers/asyncua.ts';
import { useNodeOpcua } from '../../drivers/opcua/peers/node-opcua.ts';
import { runByHand, settingsFile } from '../run-by-hand.ts';

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

test('are those of a device of the settings, with its security; of a node that is recorded also since when, and how many at once', async () => {
  const recorded = { ...plantNode('level', 'Double', 0), isRecorded: true };
  const server = await nodeOpcuaWith({ nodes: [recorded], users: { operator: 'secret' } });
  const passwordFile = join(temporaryFolder(), 'password');
  writeFileSync(passwordFile, 'secret');
  const device = (name: string, more: string): string =>
    `  - { device: ${name}, protocol: opcua, endpoint: '${server.endpoint}', tags: [{ tag: t, node: i=2258 }]${more} }\n`;
  const user = `, username: operator, passwordFile: ${passwordFile}`;
  const file = settingsFile(device('plant', user) + device('nobody', `, security: { policy: None, mode: None }`));
  const ask = (name: string) =>
    runByHand(limits, ['--config', file, '--device', name, '--node', 'nsu=urn:plant;s=level', '--most', '20']);
  expect((await ask('nobody')).thrown).toMatchObject({ message: expect.stringContaining('no anonymous user') });
  expect((await ask('plant')).thrown).toMatchObject({ message: expect.stringContaining('is not trusted') });
  const { config } = readEdgeConfig(file, profilesFolder);
  const folder = certificateFolder(resolvePaths(config, dirname(file)));
  for (const kept of readTrustFolder(folder).certificates) move(folder, kept, 'trusted');
  const { said, thrown } = await ask('plant');
  expect(thrown).toBe(null);
  expect(said.join('\n')).toMatch(/^nodes per history read +\S+ +\d+( or more)?$/m);
  expect(said.join('\n')).toMatch(/^history of the node +kept, since 20\d\d-/m);
  expect((await ask('plan')).thrown).toMatchObject({ message: expect.stringContaining('Did you mean plant?') });
});

test('a node that is none, and an address that is missing, are told before anything is asked', async () => {
  const { thrown } = await runByHand(limits, ['opc.tcp://127.0.0.1:1', '--node', 'level']);
  expect(thrown).toMatchObject({ code: 'arguments/invalid' });
  expect((await runByHand(limits, [])).thrown).toMatchObject({ code: 'arguments/invalid' });
});
