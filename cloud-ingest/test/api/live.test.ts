import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { maxClients } from '../../src/api/live/feed.ts';
import { type LiveEvent, liveEventSchema } from '../../src/api/live/routes.ts';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant, tick } from './plant.ts';

let fixture: Fixture;
let api: TestApi;
beforeAll(async () => {
  fixture = await createFixture();
  await seedPlant(fixture.sql);
  api = await startTestApi(fixture.url);
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

const open: ClientRequest[] = [];
afterEach(() => {
  for (const request of open.splice(0)) request.destroy();
});

type Live = { readonly status: number | undefined; readonly events: LiveEvent[]; readonly isOver: () => boolean };

/** A real client of server-sent events. */
async function listen(query = ''): Promise<Live> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(`${api.url}/api/v1/live${query}`, { agent: false }, resolve);
    request.on('error', reject);
    open.push(request);
  });
  const events: LiveEvent[] = [];
  let text = '';
  let isOver = false;
  response.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^event: latest\ndata: (.*)$/.exec(block)?.[1];
      if (data !== undefined) events.push(liveEventSchema.parse(JSON.parse(data)));
    }
  });
  response.on('close', () => {
    isOver = true;
  });
  response.on('error', () => {});
  return { status: response.statusCode, events, isOver: () => isOver };
}

const itemsOf = ({ events }: Live) => events.flatMap(({ items }) => items);
const gauge = async (name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await api.metrics.text())?.[1]);

test('a listener first gets all latest values, then what changes', async () => {
  const live = await listen();
  const [known] = await fixture.sql<{ count: string }>('select count(*) from latest');
  await waitFor(() => itemsOf(live).length >= Number(known?.count), { what: 'all latest values' });
  live.events.length = 0;
  await tick(fixture.sql, 'meter-main');
  await waitFor(() => itemsOf(live).length > 0, { what: 'what changed' });
  expect(new Set(itemsOf(live).map(({ device }) => device))).toEqual(new Set(['meter-main']));
  expect(itemsOf(live).find(({ tag }) => tag === 'energy-import')?.value).toBe('18446744073709551615');
});

test('a listener that joins while everything changes all the time gets the values that do not change, too', async () => {
  const first = await listen();
  await waitFor(() => first.events.length > 0);
  let isOver = false;
  const busy = (async () => {
    while (!isOver) await tick(fixture.sql, 'meter-main');
  })();
  await waitFor(() => first.events.length > 3);
  const second = await listen();
  const devices = () => new Set(itemsOf(second).map(({ device }) => device));
  await waitFor(() => devices().has('plc-booster') && devices().has('meter-main'), { what: 'the values at rest' });
  isOver = true;
  await busy;
});

test('a change comes once, not again with every look', async () => {
  const live = await listen('?device=meter-main');
  await waitFor(() => live.events.length > 0);
  await tick(fixture.sql, 'meter-main');
  await waitFor(() => live.events.length > 1);
  live.events.length = 0;
  for (const round of [1, 2, 3]) {
    await tick(fixture.sql, 'meter-main');
    await waitFor(() => live.events.length >= round);
  }
  const times = itemsOf(live).flatMap(({ tag, time }) => (tag === 'power' ? [time] : []));
  expect(times).toHaveLength(3);
  expect(new Set(times).size).toBe(3);
});

test('a change is seen even if its transaction began before one that was seen already', async () => {
  const live = await listen('?device=meter-main');
  await waitFor(() => live.events.length > 0);
  await tick(fixture.sql, 'meter-main');
  await waitFor(() => live.events.length > 1);
  // The row is as a slower processor leaves it: it committed now, its transaction began a second ago.
  await fixture.sql(`update latest set time = clock_timestamp(), value = 4242, updated_at = now() - interval '1 second'
    where series_id = (select series_id from series where device = 'meter-main' and tag = 'power')`);
  await fixture.sql('notify fieldline_commit');
  await waitFor(() => itemsOf(live).some(({ value }) => value === 4242), { what: 'the late commit' });
});

test('only what the filter names comes', async () => {
  const [booster, reservoir] = [await listen('?device=plc-booster'), await listen('?gateway=remote-reservoir')];
  await waitFor(() => itemsOf(booster).length > 0 && itemsOf(reservoir).length > 0);
  await tick(fixture.sql);
  await waitFor(() => booster.events.length > 1, { what: 'the change of the booster' });
  expect(new Set(itemsOf(booster).map(({ device }) => device))).toEqual(new Set(['plc-booster']));
  expect(new Set(itemsOf(reservoir).map(({ gateway }) => gateway))).toEqual(new Set(['remote-reservoir']));
});

test('a series that is new while somebody listens appears', async () => {
  const live = await listen('?gateway=newcomer');
  await fixture.sql(`insert into series (gateway, device, tag, type) values ('newcomer', 'd', 't', 'int32')`);
  await fixture.sql(
    `insert into latest select series_id, now(), 7, 0, 2::int8 << 32 | 9, null, now() from series where gateway = 'newcomer'`,
  );
  await fixture.sql('notify fieldline_commit');
  await waitFor(() => itemsOf(live).some(({ tag, value }) => tag === 't' && value === 7));
});

test('a listener that goes is forgotten', async () => {
  await listen();
  await waitFor(async () => (await gauge('fieldline_api_live_clients')) === 1);
  for (const request of open.splice(0)) request.destroy();
  await waitFor(async () => (await gauge('fieldline_api_live_clients')) === 0);
});

test('a listener that does not read is dropped and counted; the others get everything', async () => {
  await fixture.sql(
    `insert into series (gateway, device, tag, type) select 'texts', 'd', 't' || n, 'string' from generate_series(1, 2000) n`,
  );
  const write = (round: number) =>
    fixture.sql(
      `insert into latest select series_id, clock_timestamp(), null, 0, 1, repeat('x', 4000) || ' ${round}', now() from series where gateway = 'texts'
       on conflict (series_id) do update set time = excluded.time, text = excluded.text, updated_at = excluded.updated_at`,
    );
  const dropped = () => gauge('fieldline_api_live_dropped_total');
  const before = await dropped();
  const reader = await listen('?gateway=texts');
  const { hostname, port } = new URL(api.url);
  const sleeper = connect(Number(port), hostname);
  sleeper.on('error', () => {});
  sleeper.write('GET /api/v1/live?gateway=texts HTTP/1.1\r\nhost: localhost\r\n\r\n');
  sleeper.pause();
  await waitFor(async () => (await gauge('fieldline_api_live_clients')) === 2);
  for (let round = 1; (await dropped()) === before; round++) {
    expect(round).toBeLessThan(20);
    await write(round);
    await fixture.sql('notify fieldline_commit');
    await waitFor(() => reader.events.at(-1)?.items.some(({ value }) => String(value).endsWith(` ${round}`)), {
      what: `round ${round} at the one who reads`,
    });
  }
  expect(reader.isOver()).toBe(false);
  expect(await dropped()).toBe(before + 1);
  sleeper.destroy();
});

test('no more than the bound may listen: one more is told to come back', async () => {
  const all = await Promise.all(Array.from({ length: maxClients }, () => listen('?gateway=nobody')));
  expect(all.every(({ status }) => status === 200)).toBe(true);
  const { status, headers, body } = await api.get('/api/v1/live');
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBeTruthy();
  expect(body).toMatchObject({ code: 'request/busy', retryable: true });
});

test('closing the API ends all listeners', async () => {
  const second = await startTestApi(fixture.url);
  const first = api;
  api = second;
  const live = await listen();
  await waitFor(() => live.events.length > 0);
  await second.close();
  api = first;
  await waitFor(() => live.isOver());
});
