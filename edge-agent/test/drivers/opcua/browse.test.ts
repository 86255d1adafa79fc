import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, expect, test } from 'vitest';
import { browseChildren } from '../../../src/drivers/opcua/nodes/browse.ts';
import { objectsFolder } from '../../../src/drivers/opcua/nodes/node-path.ts';
import { type HandSession, withSession } from '../../../src/drivers/opcua/session/by-hand.ts';
import { insecure, plantNode } from './harness.ts';
import { startServer } from './peers/node-opcua.ts';

const names = Array.from({ length: 2_300 }, (_, index) => `n${index}`);
const server = await startServer();
for (const name of names) await server.ask({ do: 'add', node: plantNode(name, 'Double', 1) });
afterAll(() => server.kill());

const browsed = <Result>(work: (opened: HandSession) => Promise<Result>): Promise<Result> => {
  const device = opcuaDeviceSchema.parse({
    device: 'server',
    protocol: 'opcua',
    endpoint: server.endpoint,
    security: insecure,
    tags: [{ tag: 'a', node: 'i=1' }],
  });
  return withSession(device, temporaryFolder(), new AbortController().signal, work);
};

test('a folder with more children than fit into an answer is given whole', async () => {
  const [folder] = await browsed(({ session, facts }) =>
    browseChildren(session, [objectsFolder], { limit: facts.limits.browse }),
  );
  expect(folder?.trouble).toBe(null);
  const found = new Set(folder?.children.map(({ name }) => name));
  expect(names.filter((name) => !found.has(name))).toEqual([]);
  expect(folder?.children).toHaveLength(found.size);
});

test('more folders than the server has continuation points for are given whole all the same, and none stays in use', async () => {
  const counts = await browsed(async ({ session, facts }) => {
    const all: number[][] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const folders = await browseChildren(
        session,
        Array.from({ length: 25 }, () => objectsFolder),
        {
          limit: facts.limits.browse,
        },
      );
      all.push(folders.map(({ children, trouble }) => (trouble === null ? children.length : -1)));
    }
    return all.flat();
  });
  expect(counts).toHaveLength(50);
  expect(new Set(counts).size).toBe(1);
  expect(counts[0]).toBeGreaterThan(names.length);
});
