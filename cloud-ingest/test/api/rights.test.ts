/** A database whose user may not read what the API is asked for. */
import { report } from '@fieldline/shared/runtime';
import { type OwnPostgres, startPostgres, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { relationsRead } from '../../src/api/rights.ts';
import { type Fixture, openFixture, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant } from './plant.ts';

let server: OwnPostgres;
let fixture: Fixture;
let readerUrl: string;
let api: TestApi | undefined;
beforeAll(async () => {
  server = await startPostgres();
  const { url } = await server.createDatabase();
  fixture = await openFixture(url);
  await seedPlant(fixture.sql);
  const reader = new URL(url);
  await fixture.sql(`CREATE ROLE reader LOGIN PASSWORD '${decodeURIComponent(reader.password)}'`);
  reader.username = 'reader';
  readerUrl = reader.href;
});
beforeEach(async () => {
  await fixture.sql('GRANT USAGE ON SCHEMA fieldline TO reader');
  await fixture.sql(`GRANT SELECT ON ${relationsRead.join(', ')} TO reader`);
});
afterEach(() => api?.close());
afterAll(async () => {
  await fixture?.close();
  await server?.close();
});

const trouble = (of: TestApi): string => report(of.health.ready).troubles['api database'] ?? '';
const agoOf = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
/** From raw rows, and from the summaries of each level. */
const history = [0.01, 1, 30, 3_000].map(
  (days) =>
    `history?gateway=pump-station&device=plc-booster&tag=level&from=${agoOf(days)}&to=${agoOf(0)}&maxPoints=100`,
);
const answers = [
  ...['gateways', 'gateways/pump-station/devices', 'tags', 'latest', 'balance', 'completeness'],
  ...['declarations', 'anomalies', 'dead-letters'],
  ...history,
];

test('with SELECT on what is in the list and nothing else it is ready, and answers everything', async () => {
  const started = await startTestApi(readerUrl);
  api = started;
  await waitFor(() => report(started.health.ready).ok, { what: 'readiness' });
  for (const path of answers) expect([path, (await started.get(`/api/v1/${path}`)).status]).toEqual([path, 200]);
  expect(report(started.health.ready).ok).toBe(true);
});

test.each([
  [
    'a table',
    'REVOKE SELECT ON dead_letter FROM reader',
    /user reader may not read dead_letter: .*GRANT SELECT ON ALL/,
  ],
  [
    'the schema',
    'REVOKE USAGE ON SCHEMA fieldline FROM reader',
    /may not use the schema fieldline: .*GRANT USAGE ON SCHEMA/,
  ],
])(
  'without the right to %s it is not ready and says what to grant; what needs it is not to be tried again',
  async (_, revoke, said) => {
    await fixture.sql(revoke);
    const started = await startTestApi(readerUrl);
    api = started;
    await waitFor(() => said.test(trouble(started)), { what: 'the trouble' });
    const { status, body } = await started.get('/api/v1/dead-letters');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      code: 'database/refused',
      retryable: false,
      detail: expect.stringContaining('grant this user'),
    });
    // A question that could be answered does not hide it.
    await started.get('/api/v1/gateways');
    expect(report(started.health.ready).ok).toBe(false);
    await fixture.sql('GRANT USAGE ON SCHEMA fieldline TO reader');
    await fixture.sql('GRANT SELECT ON dead_letter TO reader');
    await waitFor(() => report(started.health.ready).ok, { what: 'readiness by itself', timeoutMs: 20_000 });
  },
);

test('on a database that was never migrated it is not ready and says so', async () => {
  const empty = await server.createDatabase();
  const started = await startTestApi(empty.url);
  api = started;
  await waitFor(() => trouble(started).includes('run fieldline-ingest migrate'));
});
