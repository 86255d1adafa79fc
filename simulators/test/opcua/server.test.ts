import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { plantSchema } from '@fieldline/shared/config';
import { type ValueType, valueTypes } from '@fieldline/shared/contracts';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import {
  AttributeIds,
  type ClientSession,
  DataType,
  type DataValue,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  type OPCUAClientOptions,
  SecurityPolicy,
  StatusCodes,
  TimestampsToReturn,
  type UserIdentityInfo,
  UserTokenType,
} from 'node-opcua';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPlant, startPlant } from '../../src/plant.ts';
import { plantPoints } from '../../src/points.ts';
import type { Served } from '../../src/served.ts';

const namespace = 'urn:test:line';
const folder = temporaryFolder();
writeFileSync(join(folder, 'password'), 'right\n');

const constants: Record<ValueType, number | boolean | string> = {
  bool: true,
  int8: -128,
  uint8: 255,
  int16: -32_768,
  uint16: 65_535,
  int32: -2_147_483_648,
  uint32: 4_294_967_295,
  int64: '-9007199254740993',
  uint64: '18446744073709551615',
  float32: 1.5,
  float64: 0.1,
  string: 'Größe',
};
const serverOf = (more: object = {}): object => ({
  protocol: 'opcua',
  name: 'line',
  port: 0,
  namespace,
  nodes: [
    ...valueTypes.map((type) => ({ name: `c.${type}`, type, signal: { kind: 'constant', value: constants[type] } })),
    { name: 'fast', type: 'int64', everyMs: 50, signal: { kind: 'counter', start: '9007199254740993', stepMs: 50 } },
    { name: 'named', node: 's=Other.Id', signal: { kind: 'noise', mean: 5, deviation: 1 } },
  ],
  ...more,
});
const plantOf = (more: object = {}) => plantSchema.parse({ plant: 'test', servers: [serverOf(more)] });

const clientFolder = join(folder, 'client');
const clientCertificateManager = new OPCUACertificateManager({
  rootFolder: clientFolder,
  automaticallyAcceptUnknownCertificate: true,
});

async function withSession<T>(
  url: string,
  work: (session: ClientSession) => Promise<T>,
  options: OPCUAClientOptions = {},
  user?: UserIdentityInfo,
): Promise<T> {
  await clientCertificateManager.initialize();
  const client = OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    clientCertificateManager,
    ...options,
  });
  return client.withSessionAsync(user === undefined ? url : { endpointUrl: url, userIdentity: user }, work);
}

const readValue = async (session: ClientSession, id: string): Promise<DataValue> => {
  const index = (await session.readNamespaceArray()).indexOf(namespace);
  return session.read({ nodeId: `ns=${index};${id}`, attributeId: AttributeIds.Value });
};
const exactOf = (value: DataValue): unknown => {
  const raw: unknown = value.value.value;
  if (value.value.dataType === DataType.UInt64 || value.value.dataType === DataType.Int64) {
    if (!Array.isArray(raw)) throw new Error('no 64-bit integer');
    const bits = (BigInt(Number(raw[0])) << 32n) | BigInt(Number(raw[1]) >>> 0);
    return value.value.dataType === DataType.Int64 ? BigInt.asIntN(64, bits) : BigInt.asUintN(64, bits);
  }
  return raw;
};

describe('a server', () => {
  const plant = plantOf();
  const served: Served[] = [];
  let running: RunningPlant;
  let url: string;
  beforeAll(async () => {
    running = await startPlant(plant, { onServed: (some) => served.push(...some) });
    url = running.servers[0]?.url ?? '';
  });
  afterAll(() => running.close());

  test('serves every type, with every bit', async () => {
    await withSession(url, async (session) => {
      for (const point of plantPoints(plant)) {
        if (!point.name.startsWith('c.')) continue;
        const value = await readValue(session, `s=${point.name}`);
        expect(exactOf(value), point.name).toEqual(point.valueAt(0));
        expect(value.statusCode).toBe(StatusCodes.Good);
      }
      expect(DataType[(await readValue(session, 's=c.int8')).value.dataType]).toBe('SByte');
      expect((await readValue(session, 's=Other.Id')).statusCode).toBe(StatusCodes.Good);
    });
  });

  test('shows its nodes in a folder of its name', async () => {
    await withSession(url, async (session) => {
      const objects = await session.browse('ObjectsFolder');
      const line = objects.references?.find(({ browseName }) => browseName.name === 'line');
      const nodes = await session.browse(line?.nodeId.toString() ?? '');
      expect(nodes.references?.length).toBe(valueTypes.length + 2);
    });
  });

  test('a subscription gets each value of the grid once, with its instant as source time, as the evidence has it', async () => {
    const received: DataValue[] = [];
    await withSession(url, async (session) => {
      const index = (await session.readNamespaceArray()).indexOf(namespace);
      const subscription = await session.createSubscription2({
        requestedPublishingInterval: 100,
        publishingEnabled: true,
      });
      const item = await subscription.monitor(
        { nodeId: `ns=${index};s=fast`, attributeId: AttributeIds.Value },
        { samplingInterval: 0, queueSize: 100, discardOldest: true },
        TimestampsToReturn.Both,
      );
      item.on('changed', (value: DataValue) => received.push(value));
      await waitFor(() => received.length >= 10, { what: 'ten values' });
      await subscription.terminate();
    });
    const fast = plantPoints(plant).find(({ name }) => name === 'fast');
    const evidence = new Map(served.filter(({ point }) => point === 'fast').map(({ time, value }) => [time, value]));
    for (const value of received) {
      const timeMs = value.sourceTimestamp?.getTime() ?? 0;
      expect(timeMs % 50).toBe(0);
      expect(exactOf(value)).toBe(fast?.valueAt(timeMs));
      expect(evidence.get(timeMs * 1_000)).toBe(fast?.valueAt(timeMs));
    }
    expect(new Set(received.map((value) => value.sourceTimestamp?.getTime())).size).toBe(received.length);
  });

  test.each([SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss])(
    'speaks %s, signed and encrypted',
    async (securityPolicy) => {
      const security = { securityPolicy, securityMode: MessageSecurityMode.SignAndEncrypt };
      const value = await withSession(url, (session) => readValue(session, 's=c.uint64'), security);
      expect(exactOf(value)).toBe(18446744073709551615n);
    },
  );

  test('a node is bad for as long as it is told to be', async () => {
    await running.faults.set({ server: 'line', part: 'c.float64' }, { kind: 'bad', status: 'BadDeviceFailure' });
    expect(running.faults.list()).toEqual([
      { server: 'line', part: 'c.float64', fault: { kind: 'bad', status: 'BadDeviceFailure' } },
    ]);
    await withSession(url, async (session) => {
      expect((await readValue(session, 's=c.float64')).statusCode).toBe(StatusCodes.BadDeviceFailure);
      expect((await readValue(session, 's=c.float32')).statusCode).toBe(StatusCodes.Good);
      await running.faults.clear();
      expect(exactOf(await readValue(session, 's=c.float64'))).toBe(0.1);
    });
    await expect(
      running.faults.set({ server: 'line', part: 'fast' }, { kind: 'bad', status: 'BadMood' }),
    ).rejects.toThrow('BadMood is no OPC UA status code');
    await expect(running.faults.set({ server: 'line' }, { kind: 'no-answer' })).rejects.toThrow(
      'there are refuse, restart',
    );
  });

  test('a restart takes it away, and it comes back at the same address', async () => {
    await running.faults.set({ server: 'line' }, { kind: 'restart', forMs: 100 });
    await expect(withSession(url, async () => {})).rejects.toThrow();
    const value = await waitFor(() => withSession(url, (session) => readValue(session, 's=c.uint64')), {
      what: 'the server to come back',
    });
    expect(exactOf(value)).toBe(18446744073709551615n);
    expect(running.faults.list()).toEqual([]);
  });
});

describe('a server with users', () => {
  let running: RunningPlant;
  let url: string;
  beforeAll(async () => {
    running = await startPlant(plantOf({ users: [{ username: 'operator', passwordFile: 'password' }] }), {
      baseFolder: folder,
      certificateFolder: join(folder, 'certificates'),
    });
    url = running.servers[0]?.url ?? '';
  });
  afterAll(() => running.close());

  const enter = (password?: string): Promise<DataValue> =>
    withSession(
      url,
      (session) => readValue(session, 's=c.bool'),
      { securityPolicy: SecurityPolicy.Basic256Sha256, securityMode: MessageSecurityMode.SignAndEncrypt },
      password === undefined ? undefined : { type: UserTokenType.UserName, userName: 'operator', password },
    );

  test('lets in who knows the password, and nobody else', async () => {
    expect(exactOf(await enter('right'))).toBe(true);
    await expect(enter('wrong')).rejects.toThrow(
      /BadUserAccessDenied|BadIdentityTokenInvalid|BadIdentityTokenRejected/,
    );
    await expect(enter()).rejects.toThrow();
  });
});

test('a full port is said to be full', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startPlant(plantOf({ port }))).rejects.toMatchObject({
    code: 'port/in-use',
    message: expect.stringContaining(`port ${port} on 127.0.0.1`),
  });
  other.close();
});

test('a password file that is not there is named', async () => {
  const users = [{ username: 'operator', passwordFile: 'missing' }];
  await expect(startPlant(plantOf({ users }), { baseFolder: folder })).rejects.toThrow(join(folder, 'missing'));
});
