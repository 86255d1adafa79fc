import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';

type Operation = {
  summary?: string;
  parameters?: { name: string; in: string; required?: boolean; schema: object; description?: string }[];
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};

let fixture: Fixture;
let api: TestApi;
let document: Document;
beforeAll(async () => {
  fixture = await createFixture();
  api = await startTestApi(fixture.url);
  document = (await api.get('/api/openapi.json')).body as Document;
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );

test('the document is OpenAPI 3.1 and has every route', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(
    operations()
      .map(([name]) => name)
      .sort(),
  ).toEqual([
    'get /api/v1/anomalies',
    'get /api/v1/balance',
    'get /api/v1/completeness',
    'get /api/v1/dead-letters',
    'get /api/v1/dead-letters/{id}',
    'get /api/v1/declarations',
    'get /api/v1/gateways',
    'get /api/v1/gateways/{gateway}/devices',
    'get /api/v1/history',
    'get /api/v1/latest',
    'get /api/v1/live',
    'get /api/v1/qualities',
    'get /api/v1/tags',
  ]);
});

test('every route says what it is for, what it answers, and what a problem looks like', () => {
  for (const [name, { summary, responses }] of operations()) {
    expect(summary, name).toBeTruthy();
    expect(responses['200']?.content, name).toBeDefined();
    expect(responses.default?.content?.['application/problem+json']?.schema, name).toEqual({
      $ref: '#/components/schemas/Problem',
    });
  }
});

test('the live feed is a stream of events', () => {
  const content = document.paths['/api/v1/live']?.get?.responses['200']?.content;
  expect(content).toEqual({ 'text/event-stream': { schema: { $ref: '#/components/schemas/LiveEvent' } } });
});

test('every reference leads to a component', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, reference]) => reference ?? '',
  );
  expect(references.length).toBeGreaterThan(10);
  for (const reference of references) {
    expect(document.components.schemas[reference.replace('#/components/schemas/', '')], reference).toBeDefined();
  }
});

test('parameters stand with their bounds, and those of the path are required', () => {
  const parameters = document.paths['/api/v1/gateways/{gateway}/devices']?.get?.parameters ?? [];
  expect(parameters.find(({ name }) => name === 'gateway')).toMatchObject({ in: 'path', required: true });
  expect(parameters.find(({ name }) => name === 'limit')?.schema).toMatchObject({
    type: 'integer',
    minimum: 1,
    default: 500,
  });
  const history = document.paths['/api/v1/history']?.get?.parameters ?? [];
  expect(history.map(({ name }) => name)).toEqual(['seriesId', 'gateway', 'device', 'tag', 'from', 'to', 'maxPoints']);
});
