/** Whoever pastes an example of the README beside `npm start` gets an answer, not an empty list. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IngestConfig, ingestSchema } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBackbone } from '../../src/backbone/open-backbone.ts';
import { invocationOf } from '../../src/command-line.ts';
import { commands } from '../../src/commands/index.ts';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';
import { devices, gateway, seedShippedPlant } from './shipped-plant.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const paths = [...readme.matchAll(/^curl -s '?localhost:8080(\/[^'\s]+)/gm)].map(([, path]) => path ?? '');
const listening = [...readme.matchAll(/^curl -sN '?localhost:8080(\/[^'\s]+)/gm)].map(([, path]) => path ?? '');
const lines = [...readme.matchAll(/^npx fieldline-ingest ([^#\n]+)/gm)].map(([, line]) => (line ?? '').trim());

const shipped = new Set([
  gateway,
  ...devices.flatMap(({ device, tags }) => [
    `${gateway}/${device}`,
    ...tags.map(({ tag }) => `${gateway}/${device}/${tag}`),
  ]),
]);

let fixture: Fixture;
let api: TestApi;
beforeAll(async () => {
  fixture = await createFixture();
  await seedShippedPlant(fixture.sql);
  api = await startTestApi(fixture.url);
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

test('the README has examples of the API and of the commands', () => {
  expect(paths.length).toBeGreaterThan(8);
  expect(listening).toHaveLength(1);
  expect(lines.length).toBeGreaterThan(6);
});

test('the examples name what the shipped plant has', () => {
  const named = [...paths, ...listening].flatMap((path) => {
    const query = new URL(path, 'http://localhost').searchParams;
    const names = ['gateway', 'device', 'tag'].flatMap((name) => query.get(name) ?? []);
    return names.length === 0 ? [] : [names.join('/')];
  });
  const tags = [...readme.matchAll(new RegExp(`[ "]${gateway}/([\\w.-]+)/([\\w.-]+)`, 'g'))].map(([text]) =>
    text.slice(1),
  );
  expect(tags.length).toBeGreaterThan(2);
  for (const name of [...named, ...tags]) expect(shipped).toContain(name);
});

describe('of the API', () => {
  /** Of a plant without losses these lists are empty. */
  const mayBeEmpty = /declarations|anomalies|dead-letters|completeness/;

  test.each(paths)('%s is answered', async (path) => {
    const { status, body } = await api.get(path);
    expect(status).toBe(200);
    const { items, timeUs } = body as { items?: unknown[]; timeUs?: unknown[] };
    if (!mayBeEmpty.test(path)) expect((items ?? timeUs ?? [null]).length).toBeGreaterThan(0);
  });
});

describe('of the commands', () => {
  const folder = temporaryFolder();
  let config: IngestConfig;
  beforeAll(async () => {
    config = ingestSchema.parse({
      mqtt: { broker: 'mqtt://127.0.0.1:1883' },
      backbone: { kind: 'embedded', folder: join(folder, 'log') },
      database: { url: fixture.url },
    });
    const backbone = await openBackbone(config.backbone, systemClock, silentLog);
    await backbone.ensureTopic(backboneTopics.raw);
    await backbone.close();
  });

  /** As a shell does with it. */
  const argumentsOf = (line: string): string[] =>
    line
      .replaceAll('$(date -u +%FT%TZ)', `${new Date().toISOString().slice(0, 19)}Z`)
      .replaceAll('$(date -u +%F)', new Date().toISOString().slice(0, 10))
      .replace('tags.csv', join(folder, 'tags.csv'))
      .split(/\s+/);

  test.each(lines)('%s runs', async (line) => {
    const invocation = invocationOf(argumentsOf(line));
    if (invocation === 'help' || !('command' in invocation))
      throw new Error(`no command: ${JSON.stringify(invocation)}`);
    expect(invocation.file).toBe('.fieldline/settings/ingest.yaml');
    const { run } = await commands[invocation.command].load();
    const said: string[] = [];
    const parts = { config, clock: systemClock, log: silentLog, signal: new AbortController().signal, callOf: String };
    await run({ ...parts, args: invocation.args, say: (text) => void said.push(text) });
    // Everything of the shipped plant is described.
    if (!line.includes('--unknown')) expect(said).not.toEqual([]);
  });
});
