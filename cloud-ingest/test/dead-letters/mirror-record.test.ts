import { randomUUID } from 'node:crypto';
import { createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, kafka, type TestDatabase, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBackbone } from '../../src/backbone/open-backbone.ts';
import { recordBytes } from '../../src/backbone/record-size.ts';
import type { Letter } from '../../src/dead-letters/letters.ts';
import { startMirror } from '../../src/dead-letters/mirror.ts';
import { mirrorRecordOf } from '../../src/dead-letters/mirror-record.ts';
import { queryOf } from '../processor/line.ts';
import { configOf, consume, createLetters, idOf, insert, maxRecordBytes } from './mirrors.ts';

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
  database = await createLetters();
  query = queryOf(database.url);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await query('TRUNCATE dead_letter RESTART IDENTITY');
});

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

describe('the record of a dead letter', () => {
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
