import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deviceSchema, gatewaySchema } from '../../src/api/gateways.ts';
import { latestSchema } from '../../src/api/latest.ts';
import { problemSchema } from '../../src/api/problem.ts';
import { tagSchema } from '../../src/api/tags.ts';
import { createFixture, type Fixture, readPage, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant, streams, tags } from './plant.ts';

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

describe('gateways and devices', () => {
  test('a gateway tells whether it is there, what it holds and how much hangs on it', async () => {
    const { items } = await readPage(api, 'gateways', gatewaySchema);
    expect(
      items.map(({ gateway, online, reason, devices, tags, streams, heldBatches }) => ({
        gateway,
        online,
        reason,
        devices,
        tags,
        streams,
        heldBatches,
      })),
    ).toEqual([
      {
        gateway: 'pump-station',
        online: true,
        reason: 'running',
        devices: 4,
        tags: tags.length,
        streams: 2,
        heldBatches: 3,
      },
      { gateway: 'remote-reservoir', online: false, reason: 'lost', devices: 1, tags: 12, streams: 1, heldBatches: 3 },
    ]);
  });

  test('pages follow each other without a gap or a repetition', async () => {
    const first = await readPage(api, 'gateways?limit=1', gatewaySchema);
    expect(first.next).toBe('pump-station');
    const second = await readPage(api, `gateways?limit=1&after=${first.next}`, gatewaySchema);
    expect(second.items.map(({ gateway }) => gateway)).toEqual(['remote-reservoir']);
    expect(second.next).toBeNull();
  });

  test('a device tells how many of its tags are good, uncertain and bad', async () => {
    const { items } = await readPage(api, 'gateways/pump-station/devices', deviceSchema);
    const counts = items.map(({ device, protocol, good, uncertain, bad }) => [device, protocol, good, uncertain, bad]);
    expect(counts).toEqual([
      ['line-opcua', 'opcua', 3, 0, 2],
      ['meter-main', 'modbus', 5, 1, 0],
      ['plc-booster', 'modbus', 12, 0, 0],
      ['plc-wet-well', 'modbus', 12, 0, 0],
    ]);
  });

  test('an unknown gateway is not found, and the answer says where the known ones are', async () => {
    for (const path of ['gateways/nowhere/devices', 'completeness?gateway=nowhere']) {
      const { status, body } = await api.get(`/api/v1/${path}`);
      expect(status).toBe(404);
      expect(body).toMatchObject({ code: 'request/not-found', detail: expect.stringContaining('/api/v1/gateways') });
    }
  });
});

describe('tags and latest values', () => {
  test('all tags come, page by page, in order and each once', async () => {
    const seen: string[] = [];
    let after: string | null = '';
    while (after !== null) {
      const path: string = `tags?limit=10${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
      const { items, next } = await readPage(api, path, tagSchema);
      expect(items.length).toBeLessThanOrEqual(10);
      seen.push(...items.map(({ gateway, device, tag }) => `${gateway}/${device}/${tag}`));
      after = next;
    }
    expect(seen).toHaveLength(tags.length + 12);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('text is searched in device, tag and description, and is no pattern', async () => {
    const names = async (text: string) =>
      (await readPage(api, `tags?gateway=pump-station&text=${encodeURIComponent(text)}`, tagSchema)).items.map(
        ({ tag }) => tag,
      );
    expect(await names('OVEN')).toEqual(['oven.zone-1', 'oven.zone-2']);
    expect(await names('commissioning')).toEqual(['energy-import', 'pump-1.starts', 'pump-1.starts']);
    expect(await names('%')).toEqual([]);
    expect(await names('pump_1')).toEqual([]);
  });

  test('a latest value carries quality, age and the batch that brought it', async () => {
    const { items } = await readPage(api, 'latest?device=meter-main&text=frequency', latestSchema);
    expect(items).toHaveLength(1);
    const [frequency] = items;
    expect(frequency?.quality).toEqual({ code: 103, name: 'uncertain/implausible', class: 'uncertain' });
    expect(frequency?.ageMs).toBe(Math.round(frequency?.ageMs ?? Number.NaN));
    expect(frequency?.ageMs).toBeGreaterThan(0);
    expect(frequency?.batch).toEqual({ stream: streams.second, seq: 100 });
  });

  test('64-bit integers keep every bit, booleans are booleans, bad is null', async () => {
    const { items } = await readPage(api, 'latest?gateway=pump-station', latestSchema);
    const value = (tag: string, device?: string) =>
      items.find((item) => item.tag === tag && (device === undefined || item.device === device))?.value;
    expect(value('energy-import')).toBe('18446744073709551615');
    expect(value('pieces')).toBe('9007199254740993');
    expect(value('pump-1.running')).toBeTypeOf('boolean');
    expect(value('recipe')).toMatch(/^Recipe [A-D]$/);
    expect(value('oven.zone-1')).toBeNull();
    const number = value('level');
    const [row] = await fixture.sql<{ value: number }>(
      `select value from latest join series using (series_id) where tag = 'level' and device = 'plc-booster'`,
    );
    expect(number).toBe(row?.value);
  });

  test('the meaning of each quality can be asked for', async () => {
    const { body } = await api.get('/api/v1/qualities');
    expect((body as { items: unknown[] }).items).toContainEqual({
      code: 202,
      name: 'bad/timeout',
      class: 'bad',
      meaning: 'the device did not answer in time',
    });
  });
});

describe('bad input', () => {
  test('every parameter that is wrong is named, with what would be right', async () => {
    const { status, headers, body } = await api.get('/api/v1/history?seriesId=x&from=yesterday&maxPoints=0&colour=red');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    const { code, parameters } = body as { code: string; parameters: { parameter: string; message: string }[] };
    expect(code).toBe('request/invalid');
    expect(parameters.map(({ parameter }) => parameter).sort()).toEqual(['colour', 'from', 'maxPoints', 'seriesId']);
    expect(parameters.find(({ parameter }) => parameter === 'from')?.message).toContain('2026-03-01T12:00:00Z');
    expect(parameters.find(({ parameter }) => parameter === 'colour')?.message).toContain('here are seriesId, gateway');
  });

  test.each([
    ['tags?limit=0', 'limit'],
    ['tags?limit=100000', 'limit'],
    ['tags?gateway=no%2Fslash', 'gateway'],
    ['latest?text=', 'text'],
    ['latest?gateway=a&gateway=b', 'gateway'],
    ['history', 'seriesId'],
    ['history?gateway=pump-station&device=x', 'seriesId'],
    ['history?seriesId=1&tag=level', 'seriesId'],
    ['history?seriesId=1&from=2026-03-02&to=2026-03-01', 'from'],
    ['history?seriesId=99999999999', 'seriesId'],
    ['dead-letters?after=x', 'after'],
    ['dead-letters/x', 'id'],
    ['live?device=%00', 'device'],
    ['tags?text=%00', 'text'],
    ['tags?after=%00', 'after'],
    ['history?seriesId=1&from=0001-01-01', 'from'],
    ['history?seriesId=1&to=9999-12-31', 'to'],
    ['history?seriesId=1&from=2026-02-30', 'from'],
  ])('%s is refused because of %s', async (path, parameter) => {
    const { status, body } = await api.get(`/api/v1/${path}`);
    expect(status).toBe(400);
    expect((body as { parameters: { parameter: string }[] }).parameters.map((one) => one.parameter)).toContain(
      parameter,
    );
  });

  test('the ends of the times that may be asked for can be asked for', async () => {
    expect((await api.get('/api/v1/history?seriesId=1&from=1970-01-01&to=2200-01-01')).status).toBe(200);
    expect((await api.get('/api/v1/history?seriesId=1&to=1970-01-01')).status).toBe(200);
    const { body } = await api.get('/api/v1/history?seriesId=1&to=9999-12-31');
    expect(body).toMatchObject({ parameters: [{ message: 'must be from 1970-01-01 to 2200-01-01' }] });
  });

  test('a parameter that stands there twice is not called missing', async () => {
    const { body } = await api.get('/api/v1/latest?gateway=a&gateway=b');
    expect(body).toMatchObject({
      parameters: [{ parameter: 'gateway', message: 'stands there 2 times; give it once' }],
    });
    const missing = await api.get('/api/v1/completeness?gateway=');
    expect(missing.body).not.toMatchObject({ parameters: [{ message: expect.stringContaining('missing') }] });
  });

  test('an address that cannot be read or is too long is a problem as any other', async () => {
    for (const [path, status] of [
      ['/api/v1/%ZZ', 400],
      [`/api/v1/gateways/${'x'.repeat(2_000)}/devices`, 404],
      [`/api/v1/tags?text=${'x'.repeat(20_000)}`, 431],
    ] as const) {
      const reply = await api.get(path);
      expect(reply.status).toBe(status);
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(problemSchema.parse(reply.body)).toMatchObject({ status, retryable: false });
    }
  });

  test('a route that is not there is not found, nor is one that would leave the folder of the page', async () => {
    expect((await api.get('/api/v1/nothing')).body).toMatchObject({ code: 'request/not-found' });
    for (const path of ['/tsconfig.json', '/..%2fpackage.json', '/vendor/uplot/uPlot.d.ts', '/.git/config']) {
      expect((await api.get(path)).status).toBe(404);
    }
  });

  test('nothing here writes: other methods are not found, and the connection is read-only', async () => {
    expect((await api.get('/api/v1/tags', { method: 'DELETE' })).status).toBe(404);
    expect(
      (await api.get('/api/v1/tags', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBeLessThan(500);
  });
});

test('every answer forbids sniffing and framing; scripts come from here only', async () => {
  for (const path of ['/', '/api/v1/gateways', '/nothing']) {
    const { headers } = await api.get(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  }
});
