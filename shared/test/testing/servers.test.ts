import { connect } from 'node:net';
import {
  describeWith,
  kafka,
  mosquitto,
  requirePostgres,
  startAedes,
  startPostgres,
  timescale,
} from '@fieldline/shared/testing';
import pg from 'pg';
import { describe, expect, test } from 'vitest';

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

describe('PostgreSQL for tests', () => {
  test('the shared server gives each caller an empty database of its own', async () => {
    const server = await requirePostgres();
    const [one, other] = [await server.createDatabase(), await server.createDatabase()];
    expect(one.url).not.toBe(other.url);
    await ask(one.url, 'CREATE TABLE mine ()');
    expect(await ask(other.url, `SELECT to_regclass('mine')::text`)).toBeNull();
    await one.drop();
    await other.drop();
    await expect(ask(one.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });

  test('a server of your own keeps its data and its address over a kill', async () => {
    const server = await startPostgres();
    const database = await server.createDatabase();
    await ask(database.url, 'CREATE TABLE kept AS SELECT 7 AS seven');
    await server.kill();
    await expect(ask(database.url, 'SELECT 1')).rejects.toThrow();
    await server.start();
    expect(await ask(database.url, 'SELECT seven FROM kept')).toBe(7);
    await server.close();
  });
});

describeWith(timescale, 'TimescaleDB for tests', () => {
  test('a database takes the extension', async () => {
    const server = await startPostgres({ timescale: true });
    const database = await server.createDatabase();
    await ask(database.url, 'CREATE EXTENSION timescaledb');
    expect(await ask(database.url, `SELECT extname FROM pg_extension WHERE extname = 'timescaledb'`)).toBe(
      'timescaledb',
    );
    await server.close();
  });
});

describeWith(kafka, 'Kafka for tests', () => {
  test('the shared broker accepts connections', async () => {
    const [broker] = await kafka.brokers();
    expect(await accepts(Number(broker?.split(':').at(-1)))).toBe(true);
  });
});

describeWith(mosquitto, 'Mosquitto for tests', () => {
  test('a broker stops, starts at the same port and loses its state only when told', async () => {
    const broker = await mosquitto.start();
    await broker.stop();
    expect(await accepts(broker.port)).toBe(false);
    await broker.start();
    expect(await accepts(broker.port)).toBe(true);
    expect(() => broker.wipe()).toThrow(/stop or kill/);
    await broker.close();
  });
});

describe('the embedded broker', () => {
  test('listens on a free port until it is closed', async () => {
    const broker = await startAedes();
    expect(await accepts(broker.port)).toBe(true);
    await broker.close();
    expect(await accepts(broker.port)).toBe(false);
  });
});
