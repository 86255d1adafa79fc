/**
 * The seam between the library and us: we acknowledge, when the journal has it, and nobody else does. An update of the library
 * that acknowledges by itself is noticed here.
 */
import { waitFor } from '@fieldline/shared/testing';
import {
  DataChangeNotification,
  OPCUAClient,
  RepublishRequest,
  type RepublishResponse,
  type TransferSubscriptionsResponse,
} from 'node-opcua';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { answerOf, withRawServices } from '../../../src/drivers/opcua/library.ts';
import { plantNode, tagOf, useRigs } from './harness.ts';
import { startLine } from './peers/cut-line.ts';
import { startServer, type TestServer } from './peers/node-opcua.ts';

const rigFor = useRigs();
let server: TestServer | null = null;

afterEach(() => server?.kill());

async function connected() {
  const started = await startServer({ nodes: [plantNode('level', 'Double', 1)], transferable: true });
  server = started;
  const line = await startLine(started.settings.port);
  onTestFinished(() => line.close());
  const rig = rigFor({ endpoint: `opc.tcp://127.0.0.1:${line.port}/plant`, tags: [tagOf('level')], samplingMs: 0 });
  await rig.sees('level', 1);
  const write = async (value: number): Promise<void> => {
    await started.ask({ do: 'set', name: 'level', dataType: 'Double', value, sourceTimeMs: Date.now() });
    await rig.sees('level', value);
  };
  const unacknowledged = async (): Promise<number[]> => (await started.ask({ do: 'unacknowledged' })) as number[];
  await write(2);
  await write(3);
  await waitFor(async () => (await unacknowledged()).every((number) => number >= 3), {
    what: 'message 1 and 2 to be acknowledged',
  });
  return { server: started, rig, line, write, unacknowledged };
}

test('the server keeps every message until the journal has it, and no longer', async () => {
  const { rig, write, unacknowledged } = await connected();
  rig.holdFlush();
  for (const value of [4, 5, 6, 7, 8]) await write(value);
  expect(await unacknowledged()).toEqual(expect.arrayContaining([4, 5, 6, 7, 8]));
  rig.flush();
  await write(9);
  await write(10);
  await waitFor(async () => (await unacknowledged()).every((number) => number > 8), {
    what: 'all that was flushed to be acknowledged',
  });
});

test('what an agent had heard and not flushed when it was killed, the server gives to whoever takes the subscription over', async () => {
  const { server: alive, rig, line, write } = await connected();
  rig.holdFlush();
  await write(4);
  await write(5);
  const [subscriptionId = 0] = (await alive.ask({ do: 'subscription-ids' })) as number[];
  line.takeDown();

  const client = OPCUAClient.create({ endpointMustExist: false });
  onTestFinished(() => client.disconnect());
  await client.connect(alive.endpoint);
  const session = withRawServices(await client.createSession());
  await answerOf<TransferSubscriptionsResponse>((answer) =>
    session.transferSubscriptions({ subscriptionIds: [subscriptionId], sendInitialValues: false }, answer),
  );
  const values = [];
  for (const retransmitSequenceNumber of [4, 5]) {
    const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber });
    const { notificationMessage } = await answerOf<RepublishResponse>((answer) => session.republish(request, answer));
    for (const data of notificationMessage.notificationData ?? []) {
      if (data instanceof DataChangeNotification)
        values.push(...(data.monitoredItems ?? []).map(({ value }) => value.value.value));
    }
  }
  expect(values).toEqual([4, 5]);
});
