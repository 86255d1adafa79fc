import { ingestSchema, parseConfig } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

const kafka = { kind: 'kafka', brokers: ['127.0.0.1:9092'] };
const read = (normalisedTopic: string, backbone: object = kafka) =>
  parseConfig(
    ingestSchema,
    stringify({
      mqtt: { broker: 'mqtt://127.0.0.1:1883' },
      database: { url: 'postgres://fieldline@127.0.0.1/fieldline' },
      processor: { normalisedTopic, deadLetterTopic: 'plant.letters' },
      backbone,
    }),
    'ingest.yaml',
  );

test('a topic of normalised samples is one that other programs can read, and that nobody else writes', () => {
  expect(read('fieldline.samples').processor.normalisedTopic).toBe('fieldline.samples');
  expect(() => read('fieldline.samples', { kind: 'embedded', folder: '/var/lib/fieldline' })).toThrow(
    /processor\.normalisedTopic: .*goes with backbone\.kind kafka/,
  );
  for (const own of ['fieldline.raw', 'fieldline.dead-letters', 'plant.letters'])
    expect(() => read(own)).toThrow(/processor\.normalisedTopic: .*topic of Fieldline's own: choose another/);
  expect(() => read('fieldline/samples')).toThrow(/a topic has 1–249 of the characters/);
});
