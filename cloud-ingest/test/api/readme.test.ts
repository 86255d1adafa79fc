import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant } from './plant.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const paths = [...readme.matchAll(/^curl -s '?localhost:8080(\/[^'\s]+)/gm)].map(([, path]) => path ?? '');

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

test('the README has examples of the API', () => {
  expect(paths.length).toBeGreaterThan(8);
});

test.each(paths)('the example %s is answered', async (path) => {
  expect((await api.get(path)).status).toBe(200);
});
