import type { BackboneConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { recordBytes } from '../../src/backbone/record-size.ts';
import { mirrorTopicOf, startMirror } from '../../src/dead-letters/mirror.ts';
import { openLine, queryOf } from '../processor/line.ts';
import { startQuietProcessor } from '../processor/quiet-processor.ts';
import { configOf, consume, createLetters, idOf, insert, maxRecordBytes } from './mirrors.ts';

let database: TestDatabase;
let query: ReturnType<typeof queryOf>;
beforeAll(async () => {
  database = await createLetters();
  query = queryOf(database.url);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await query('TRUNCATE dead_letter RESTART IDENTITY');
});

describe('the mirror of the dead letters', () => {
  const mirrored: number[] = [];
  beforeEach(() => {
    mirrored.length = 0;
  });
  const untilMirrored = (count: number) =>
    waitFor(() => new Set(mirrored).size === count, { what: `${count} letters in the topic` });

  /** As far as the mirror uses it. */
  const topicOnly = (append: Backbone['append']): Backbone => ({
    kind: 'embedded',
    identity: async () => 'test',
    ensureTopic: async () => {},
    append,
    consume: () => Promise.reject(new Error('nobody consumes')),
    bounds: async () => [],
    close: async () => {},
  });
  const keep: Backbone['append'] = async (_, records) => void mirrored.push(...records.map(idOf));
  const start = (append: Backbone['append']) =>
    startMirror({
      config: configOf({ kind: 'embedded', folder: '/nowhere', maxRecordBytes }, database.url, 'dead'),
      backbone: topicOnly(append),
      log: silentLog,
      metrics: createMetrics(),
    });

  test('does not skip a letter whose transaction commits after later ones', async () => {
    const early = new pg.Client({ connectionString: database.url, options: '-c search_path=fieldline' });
    await early.connect();
    await early.query('BEGIN');
    await early.query(insert(2));
    await query(insert(1));
    const mirror = start(keep);
    await untilMirrored(1);
    expect(mirrored).toEqual([3]);
    await early.query('COMMIT');
    await early.end();
    await untilMirrored(3);
    await mirror.close();
    expect(mirrored).toEqual([3, 1, 2]);
  });

  test('copies a flood in the order of its ids, in steps of bounded size', async () => {
    await query(insert(1_300, `decode(repeat('ab', 8000), 'hex')`));
    const sizes: number[] = [];
    const mirror = start(async (topic, records) => {
      sizes.push(records.reduce((sum, record) => sum + recordBytes(record), 0));
      await keep(topic, records);
    });
    await untilMirrored(1_300);
    await mirror.close();
    expect(mirrored).toEqual(Array.from({ length: 1_300 }, (_, n) => n + 1));
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...sizes)).toBeLessThan(5 * 1024 ** 2);
  });

  test('waits while the backbone is away, and copies again what was not acknowledged', async () => {
    await query(insert(5));
    let answers = 0;
    const mirror = start(async (topic, records) => {
      answers += 1;
      if (answers === 1) throw new FieldlineError('backbone/unreachable', 'away');
      await keep(topic, records);
      if (answers === 2) throw new FieldlineError('backbone/unreachable', 'the answer was lost');
    });
    await waitFor(async () => (await query('SELECT FROM dead_letter WHERE mirrored_at IS NULL')).length === 0);
    await mirror.close();
    expect(mirrored).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
  });

  test('goes on after its connection to the database was lost', async () => {
    const mirror = start(keep);
    const connections = () =>
      query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'fieldline-mirror' AND datname = current_database()`,
      );
    const [connection] = await waitFor(async () => ((await connections()).length > 0 ? connections() : null));
    await query('SELECT pg_terminate_backend($1)', [connection?.pid]);
    await query(insert(2));
    await untilMirrored(2);
    await mirror.close();
  });

  test('is the work of one processor at a time', async () => {
    let inside = 0;
    let most = 0;
    const slow: Backbone['append'] = async (topic, records) => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      await keep(topic, records);
      inside -= 1;
    };
    await query(insert(1_200));
    const mirrors = [start(slow), start(slow)];
    await untilMirrored(1_200);
    for (const mirror of mirrors) await mirror.close();
    expect(mirrored.length).toBe(1_200);
    expect(most).toBe(1);
  });

  test('stops at once although the backbone does not answer', async () => {
    await query(insert(1));
    const asked = Promise.withResolvers<void>();
    const mirror = start(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    await asked.promise;
    await mirror.close();
    expect(await query('SELECT FROM dead_letter WHERE mirrored_at IS NULL')).toHaveLength(1);
  });

  test('has a topic on Kafka unless told otherwise, and on the embedded log only when told', () => {
    const kinds: BackboneConfig[] = [
      configOf({ kind: 'kafka', brokers: ['localhost:9092'] }, database.url).backbone,
      configOf({ kind: 'embedded', folder: '/nowhere' }, database.url).backbone,
    ];
    const topics = (topic?: string) => kinds.map((kind) => mirrorTopicOf(configOf(kind, database.url, topic)));
    expect(topics()).toEqual(['fieldline.dead-letters', null]);
    expect(topics('plant.dead')).toEqual(['plant.dead', 'plant.dead']);
    expect(topics('off')).toEqual([null, null]);
  });

  test('is not the topic that is read, or each letter would make another', () => {
    const kafkaOnly = { kind: 'kafka', brokers: ['localhost:9092'] };
    expect(() => configOf(kafkaOnly, database.url, 'fieldline.raw')).toThrow('must not be the topic that is read');
    expect(() => configOf(kafkaOnly, database.url, 'a topic')).toThrow('must be a name of a topic, or off');
  });

  test('is part of the processor', async () => {
    const line = await openLine(await requirePostgres());
    const config = { ...line.config, processor: { ...line.config.processor, deadLetterTopic: 'dead' } };
    const processor = await startQuietProcessor(config, line.backbone);
    await line.send({ gateway: 'gw', kind: 'batch', bytes: Buffer.from('{') });
    const [record] = await waitFor(async () => {
      const topic = await line.backbone.bounds('dead');
      return topic.some(({ next }) => next > 0) ? consume(line.backbone, 'dead', 1) : null;
    });
    await processor.close();
    await line.close();
    expect(record).toMatchObject({ key: 'gw', headers: { 'dead-letter-code': 'batch/malformed' } });
    expect(record?.value.toString()).toBe('{');
  });
});
