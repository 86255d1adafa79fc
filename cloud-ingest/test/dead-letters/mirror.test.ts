import { randomUUID } from 'node:crypto';
import { type BackboneConfig, ingestSchema } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  describeWith,
  kafka,
  requirePostgres,
  type TestDatabase,
  temporaryFolder,
  waitFor,
} from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Backbone, BackboneRecord, NewRecord } from '../../src/backbone/backbone.ts';
import { openBackbone } from '../../src/backbone/open-backbone.ts';
import { recordBytes } from '../../src/backbone/record-size.ts';
import type { Letter } from '../../src/dead-letters/letters.ts';
import { mirrorTopicOf, startMirror } from '../../src/dead-letters/mirror.ts';
import { mirrorRecordOf } from '../../src/dead-letters/mirror-record.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openLine, queryOf } from '../processor/line.ts';
import { startQuietProcessor } from '../processor/quiet-processor.ts';

const maxRecordBytes = 20_000;
const configOf = (backbone: object, url: string, deadLetterTopic?: string) =>
  ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1' },
    backbone,
    database: { url },
    processor: deadLetterTopic === undefined ? {} : { deadLetterTopic },
  });

const backbones: { name: string; requirement: Parameters<typeof describeWith>[0]; config: () => Promise<object> }[] = [
  {
    name: 'the embedded log',
    requirement: { name: 'embedded', skipReason: null },
    config: async () => ({ kind: 'embedded', folder: temporaryFolder(), partitions: 2, maxRecordBytes }),
  },
  {
    name: 'Kafka',
    requirement: kafka,
    config: async () => ({ kind: 'kafka', brokers: await kafka.brokers(), partitions: 2, maxRecordBytes }),
  },
];

let database: TestDatabase;
let query: ReturnType<typeof queryOf>;
beforeAll(async () => {
  database = await (await requirePostgres()).createDatabase();
  query = queryOf(database.url);
  await migrate(configOf({ kind: 'embedded', folder: '/nowhere' }, database.url).database, silentLog);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await query('TRUNCATE dead_letter RESTART IDENTITY');
});

const columns =
  '(received_at, gateway, stage, code, reason, topic, partition, record_offset, positions, bytes, headers)';
const insert = (count: number, bytes = `convert_to('bytes ' || n, 'UTF8')`): string =>
  `INSERT INTO dead_letter ${columns}
   SELECT TIMESTAMPTZ '2026-03-01', 'gw-' || n % 3, 'decode', 'batch/malformed', 'broken ' || n, 'fieldline.raw', 1, 40 + n,
     CASE WHEN n % 2 = 0 THEN '{[1,3),[5,6)}'::int8multirange END, ${bytes}, '{"topic": "fieldline/gw/batch", "qos": "1"}'
   FROM generate_series(1, ${count}) AS n ORDER BY n`;
const idOf = ({ headers }: NewRecord): number => Number(headers['dead-letter-id']);

async function consume(backbone: Backbone, topic: string, count: number): Promise<BackboneRecord[]> {
  const consumer = await backbone.consume({
    topic,
    group: `test-${randomUUID()}`,
    queueBytes: 1_000_000,
    positions: async () => [],
    onGap: () => {},
  });
  const taken: BackboneRecord[] = [];
  const late = AbortSignal.timeout(20_000);
  while (taken.length < count && !late.aborted) taken.push(...(await consumer.poll(1_000_000, late)));
  await consumer.close();
  return taken;
}

for (const { name, requirement, config } of backbones) {
  describeWith(requirement, `the topic of dead letters in ${name}`, () => {
    test('has each letter as the record that it was, with what is known of it', async () => {
      const topic = `dead-${randomUUID()}`;
      const settings = configOf(await config(), database.url, topic);
      const backbone = await openBackbone(settings.backbone, systemClock, silentLog);
      await query(insert(2));
      await query(insert(1, `decode(repeat('00', 30000), 'hex')`));
      const mirror = startMirror({ config: settings, backbone, log: silentLog, metrics: createMetrics() });
      await waitFor(async () => (await query('SELECT FROM dead_letter WHERE mirrored_at IS NULL')).length === 0);
      const records = (await consume(backbone, topic, 3)).sort((a, b) => idOf(a) - idOf(b));
      await mirror.close();
      await backbone.close();
      const about = {
        topic: 'fieldline/gw/batch',
        qos: '1',
        'dead-letter-stage': 'decode',
        'dead-letter-code': 'batch/malformed',
        'dead-letter-topic': 'fieldline.raw',
        'dead-letter-partition': '1',
        'dead-letter-received-at': '1772323200000000',
      };
      expect(records.map(({ key, value, headers }) => ({ key, value: value.toString(), headers }))).toEqual([
        {
          key: 'gw-1',
          value: 'bytes 1',
          headers: {
            ...about,
            'dead-letter-id': '1',
            'dead-letter-reason': 'broken 1',
            'dead-letter-offset': '41',
            'dead-letter-bytes': '7',
          },
        },
        {
          key: 'gw-2',
          value: 'bytes 2',
          headers: {
            ...about,
            'dead-letter-id': '2',
            'dead-letter-reason': 'broken 2',
            'dead-letter-offset': '42',
            'dead-letter-positions': '1-2,5',
            'dead-letter-bytes': '7',
          },
        },
        {
          key: 'gw-1',
          value: '',
          headers: {
            ...about,
            'dead-letter-id': '3',
            'dead-letter-reason': 'broken 1',
            'dead-letter-offset': '41',
            'dead-letter-bytes': '30000',
            'dead-letter-left-out': 'bytes',
          },
        },
      ]);
    });
  });
}

describe('the mirror of the dead letters', () => {
  const mirrored: number[] = [];
  beforeEach(() => {
    mirrored.length = 0;
  });
  const untilMirrored = (count: number) =>
    waitFor(() => new Set(mirrored).size === count, { timeoutMs: 10_000, what: `${count} letters in the topic` });

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

  test('leaves out more where the headers of a record are too large as well', () => {
    const letter: Letter = {
      id: 7,
      receivedAt: 1,
      gateway: null,
      stage: 'bridge',
      code: 'record/too-large',
      reason: `${'long '.repeat(1_000)}\ud800`,
      topic: 'elsewhere',
      partition: null,
      offset: null,
      positions: null,
      bytes: Buffer.alloc(0),
      headers: { large: 'x'.repeat(maxRecordBytes) },
      sizeBytes: 0,
      redriven: [],
      attempts: 0,
      attemptedAt: null,
      redrivenAt: null,
    };
    const record = mirrorRecordOf(letter, maxRecordBytes);
    expect(recordBytes(record)).toBeLessThan(maxRecordBytes);
    expect(record.headers['dead-letter-left-out']).toBe('bytes, headers');
    expect(record.headers['dead-letter-reason']).toHaveLength(1_000);
    expect(record.key).toBe('unknown');
  });
});
