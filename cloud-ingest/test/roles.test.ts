import { randomUUID } from 'node:crypto';
import { ingestSchema } from '@fieldline/shared/config';
import { ackSchema, decodeMessage, encodeBatch, GOOD, topicOf } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  freePort,
  requirePostgres,
  startAedes,
  type TestAedes,
  type TestDatabase,
  temporaryFolder,
  waitFor,
} from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run as runMigrate } from '../src/commands/migrate.ts';
import type { Role } from '../src/role.ts';
import { type RunningRole, startRole } from '../src/roles.ts';

const never = new AbortController().signal;

describe('the roles', () => {
  let database: TestDatabase;
  let broker: TestAedes;
  const running: RunningRole[] = [];

  beforeEach(async () => {
    database = await (await requirePostgres()).createDatabase();
    broker = await startAedes();
  });
  afterEach(async () => {
    for (const role of running.splice(0)) await role.close();
    await broker.close();
    await database.drop();
  });

  const partsOf = (settings: object = {}, signal = never) => ({
    config: ingestSchema.parse({
      mqtt: { broker: broker.url },
      backbone: { kind: 'embedded', folder: temporaryFolder() },
      database: { url: database.url },
      http: { port: 0 },
      api: { port: 0 },
      ...settings,
    }),
    clock: systemClock,
    log: silentLog,
    signal,
  });

  async function start(role: Exclude<Role, 'migrate'>, parts: ReturnType<typeof partsOf>) {
    const started = await startRole(role, parts);
    running.push(started);
    return started;
  }

  const get = async (port: number, path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };

  test('all: a batch published to the broker is rows in the database, and its gateway is told', async () => {
    const { ops, api } = await start('all', partsOf());
    await waitFor(async () => (await get(ops.port, '/health/ready')).status === 200, { what: 'ready' });
    const client = await connectAsync(broker.url);
    const acks: Buffer[] = [];
    client.on('message', (_, payload) => acks.push(payload));
    await client.subscribeAsync(topicOf('gw-1', 'ack'), { qos: 1 });
    const stream = randomUUID();
    const tag = { device: 'plc1', tag: 'level', type: 'float64' as const };
    const time = systemClock.now();
    const bytes = encodeBatch(
      {
        gateway: 'gw-1',
        stream,
        seq: 1,
        previous: null,
        read: 3,
        filtered: 0,
        volatile: false,
        declared: [],
        samples: [1.5, 2.5, 3.5].map((value, n) => ({ tag, time: time + n, value, quality: GOOD })),
      },
      'none',
    );
    await client.publishAsync(topicOf('gw-1', 'batch'), bytes, { qos: 1 });
    await waitFor(() => acks.length > 0, { what: 'the acknowledgement' });
    const ack = decodeMessage(ackSchema, acks.at(-1) ?? Buffer.alloc(0), 'gw-1');
    expect(ack.streams).toEqual([{ stream, committed: [[1, 1]], ask: [] }]);
    const database_ = new pg.Client(database.url);
    await database_.connect();
    const { rows } = await database_.query('SELECT value FROM fieldline.reading ORDER BY time');
    expect(rows.map(({ value }) => value)).toEqual([1.5, 2.5, 3.5]);
    await database_.end();
    expect((await get(ops.port, '/metrics')).text).toContain('fieldline_bridge_records_total 1');
    expect((await get(api?.port ?? 0, '/')).status).toBe(200);
    await client.endAsync();
  });

  test('a database that is not up yet is waited for: the bridge runs, ready says why not', async () => {
    const port = await freePort();
    const abort = new AbortController();
    const opsPort = await freePort();
    const parts = partsOf(
      { database: { url: `postgres://nobody@127.0.0.1:${port}/none` }, http: { port: opsPort } },
      abort.signal,
    );
    const starting = startRole('all', parts);
    const ended = expect(starting).rejects.toMatchObject({ code: 'database/unreachable' });
    await waitFor(async () => {
      const { status, text } = await get(opsPort, '/health/ready');
      return status === 503 && text.includes('database/unreachable');
    });
    const client = await connectAsync(broker.url);
    await waitFor(async () => (await get(opsPort, '/metrics')).text.includes('fieldline_bridge_sessions_total 1'));
    await client.publishAsync('fieldline/gw-1/batch', 'kept', { qos: 1 });
    await waitFor(async () => (await get(opsPort, '/metrics')).text.includes('fieldline_bridge_records_total 1'));
    expect((await get(opsPort, '/health/live')).status).toBe(200);
    abort.abort();
    await ended;
    await expect(get(opsPort, '/health/live')).rejects.toThrow();
    await client.endAsync();
  });

  test('a database without rights, and a port in use, end the start with what to do', async () => {
    const { ops } = await start('api', partsOf());
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    await expect(startRole('all', partsOf({ database: { url: url.href } }))).rejects.toMatchObject({
      code: 'database/refused',
      message: expect.stringContaining('database.url'),
    });
    await expect(startRole('bridge', partsOf({ http: { port: ops.port } }))).rejects.toMatchObject({
      code: 'port/in-use',
    });
  });

  test('bridge, processor and api share nothing but their servers; migrate runs and runs again', async () => {
    const parts = partsOf();
    await runMigrate({ ...parts, args: [], callOf: String, say: () => {} });
    await runMigrate({ ...parts, args: [], callOf: String, say: () => {} });
    const bridge = await start('bridge', parts);
    await expect(startRole('processor', parts)).rejects.toMatchObject({
      code: 'backbone/unreachable',
      message: expect.stringContaining('fieldline-ingest all'),
    });
    await bridge.close();
    const processor = await start('processor', parts);
    expect(processor.api).toBeNull();
    await waitFor(async () => (await get(processor.ops.port, '/health/ready')).status === 200);
  });
});
