import { get } from 'node:http';
import { report } from '@fieldline/shared/runtime';
import { freePort, type OwnPostgres, startPostgres, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFixture, startTestApi, type TestApi } from './fixture.ts';
import { tick } from './plant.ts';

let server: OwnPostgres;
let url: string;
let api: TestApi;
beforeAll(async () => {
  server = await startPostgres();
  ({ url } = await server.createDatabase());
  const fixture = await openFixture(url);
  await fixture.sql(`insert into series (gateway, device, tag, type) values ('pump-station', 'd', 't', 'int32')`);
  await tick(fixture.sql);
  await fixture.close();
  api = await startTestApi(url);
});
afterAll(async () => {
  await api?.close();
  await server?.close();
});

test('with the database away the API says so and when to come back; afterwards all goes on, listeners too', async () => {
  const items: unknown[] = [];
  const request = get(`${api.url}/api/v1/live`, (response) => {
    response.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('event: latest')) items.push(text);
    });
  });
  request.on('error', () => {});
  await waitFor(() => items.length > 0, { what: 'the first values' });
  await waitFor(() => report(api.health.ready).ok);

  await server.stop();
  const { status, headers, body } = await api.get('/api/v1/gateways');
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('5');
  expect(body).toMatchObject({ code: 'database/unreachable', retryable: true });
  expect(report(api.health.ready).troubles).toHaveProperty('api database');
  expect((await api.get('/')).status).toBe(200);

  await server.start();
  await waitFor(async () => (await api.get('/api/v1/gateways')).status === 200, { what: 'the API after the outage' });
  await waitFor(() => report(api.health.ready).ok);
  items.length = 0;
  const fixture = new pg.Client({ connectionString: url, options: '-c search_path=fieldline' });
  await fixture.connect();
  await waitFor(
    async () => {
      await fixture.query('update latest set value = value + 1, time = clock_timestamp(), updated_at = now()');
      await fixture.query('notify fieldline_commit');
      return items.length > 0;
    },
    { what: 'live values after the outage', timeoutMs: 30_000 },
  );
  await fixture.end();
  request.destroy();
}, 60_000);

test('a query that takes too long is stopped, and the answer says what to do', async () => {
  const blocker = new pg.Client({ connectionString: url, options: '-c search_path=fieldline' });
  await blocker.connect();
  await blocker.query('begin; lock table gateway in access exclusive mode');
  const { status, body } = await api.get('/api/v1/gateways');
  await blocker.query('rollback');
  await blocker.end();
  expect(status).toBe(503);
  expect(body).toMatchObject({ code: 'request/too-heavy', detail: expect.stringContaining('shorter range') });
}, 60_000);

test('a database without the tables is refused with the command that makes them', async () => {
  const empty = await server.createDatabase();
  const early = await startTestApi(empty.url);
  const { status, body } = await early.get('/api/v1/gateways');
  await early.close();
  expect(status).toBe(503);
  expect(body).toMatchObject({ code: 'database/refused', detail: expect.stringContaining('fieldline-ingest migrate') });
});

test('a database that does not exist is told with the statement that makes it, not as a matter of the password', async () => {
  const missing = new URL(url);
  missing.pathname = '/no_such_database';
  const early = await startTestApi(missing.href);
  const { status, body } = await early.get('/api/v1/gateways');
  await early.close();
  expect(status).toBe(503);
  expect(body).toMatchObject({
    code: 'database/refused',
    detail: expect.stringMatching(/no_such_database.*CREATE DATABASE/),
  });
  expect(body).not.toMatchObject({ detail: expect.stringContaining('password') });
});

test('a database that was never there does not keep the API from starting', async () => {
  const early = await startTestApi(`postgres://nobody@127.0.0.1:${await freePort()}/none`);
  expect((await early.get('/api/v1/tags')).body).toMatchObject({ code: 'database/unreachable' });
  await early.close();
});

test('a port that is taken is named in the error', async () => {
  const { port } = new URL(api.url);
  await expect(startTestApi(url, { port: Number(port) })).rejects.toMatchObject({
    code: 'port/in-use',
    message: expect.stringContaining(port),
  });
});
