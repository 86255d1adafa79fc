import { OPCUAClient, WriteRequest, WriteResponse } from 'node-opcua-client';
import { expect, onTestFinished, test } from 'vitest';
import { perform } from '../../../src/drivers/opcua/commands/perform.ts';
import { AttributeIds, DataType, withRawServices } from '../../../src/drivers/opcua/library.ts';
import { plantNode } from './harness.ts';
import { startServer, type WrittenNode } from './peers/node-opcua.ts';

const level = plantNode('level', 'Double', 5);

async function openSession() {
  const server = await startServer({ nodes: [level] });
  onTestFinished(() => server.kill());
  const client = OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    keepSessionAlive: false,
  });
  await client.connect(server.endpoint);
  onTestFinished(() => client.disconnect());
  const session = withRawServices(await client.createSession());
  const value = { value: { dataType: DataType.Double, value: 6 } };
  const nodesToWrite = [{ nodeId: 'ns=2;s=level', attributeId: AttributeIds.Value, value }];
  const write = () => perform(session, new WriteRequest({ nodesToWrite }), WriteResponse, 2_000);
  const read = () => session.read({ nodeId: 'i=2255', attributeId: AttributeIds.Value });
  return { server, client, write, read };
}

test('a request in a session that the server has forgotten is refused, neither repeated nor carried into a session of its own', async () => {
  const { server, write, read } = await openSession();
  expect(await write()).toMatchObject({ kind: 'answered', answer: { results: [{ name: 'Good' }] } });
  await server.ask({ do: 'close-sessions' });
  expect(await write()).toMatchObject({ kind: 'refused', status: { name: 'BadSessionIdInvalid' } });
  await expect(read()).rejects.toThrow('BadSessionIdInvalid');
  expect(await server.ask({ do: 'sessions' })).toBe(0);
  expect((await server.ask({ do: 'written' })) as WrittenNode[]).toHaveLength(2);
});

test('a request without a connection is said not to be sent', async () => {
  const { client, write } = await openSession();
  await client.disconnect();
  expect(await write()).toMatchObject({ kind: 'not-sent' });
});

test('a request that a server leaves unanswered may have been carried out', async () => {
  const { server, write } = await openSession();
  server.freeze();
  onTestFinished(server.thaw);
  expect(await write()).toEqual({ kind: 'unanswered', why: 'no answer within 2000 ms' });
});
