import { writeFileSync } from 'node:fs';
import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { freePort, temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, expect, test } from 'vitest';
import { withSession } from '../../../src/drivers/opcua/session/by-hand.ts';
import { move, readTrustFolder } from '../../../src/drivers/opcua/trust/trust-folder.ts';
import { insecure, plantNode } from './harness.ts';
import { startServer } from './peers/node-opcua.ts';

const server = await startServer({ nodes: [plantNode('level', 'Double', 1.5)], users: { operator: 'right' } });
afterAll(() => server.kill());

const deviceAt = (endpoint: string, rest: object = {}) =>
  opcuaDeviceSchema.parse({
    device: 'server',
    protocol: 'opcua',
    endpoint,
    security: insecure,
    timeoutMs: 5_000,
    tags: [{ tag: 'level', node: 'i=1' }],
    ...rest,
  });
const folder = temporaryFolder();
const open = (device: ReturnType<typeof deviceAt>) =>
  withSession(device, folder, new AbortController().signal, async ({ facts }) => facts.namespaces);

test('a session by hand knows the server, and says in the words of the agent why it cannot be had', async () => {
  await expect(open(deviceAt(server.endpoint))).rejects.toMatchObject({
    code: 'device/exception',
    message: expect.stringMatching(/^the server lets no anonymous user in: set username and passwordFile, or /),
  });
  const port = await freePort();
  await expect(open(deviceAt(`opc.tcp://127.0.0.1:${port}`))).rejects.toMatchObject({ code: 'device/unreachable' });
  const passwordFile = `${temporaryFolder()}/password`;
  writeFileSync(passwordFile, 'right\n');
  const operator = deviceAt(server.endpoint, { username: 'operator', passwordFile });
  await expect(open(operator)).rejects.toThrow('the certificate of the server is not trusted');
  for (const kept of readTrustFolder(folder).certificates) move(folder, kept, 'trusted');
  expect(await open(operator)).toContain('urn:plant');
  expect(await server.ask({ do: 'sessions' })).toBe(0);
});
