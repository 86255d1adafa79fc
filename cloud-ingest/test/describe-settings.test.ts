import { ingestSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { describeSettings } from '../src/describe-settings.ts';

const settings = (others: object) =>
  describeSettings(
    ingestSchema.parse({
      mqtt: { broker: 'mqtt://broker:1883' },
      backbone: { kind: 'embedded', folder: './log', partitions: 1 },
      database: { url: 'postgres://fieldline:secret@127.0.0.1:5432/fieldline' },
      ...others,
    }),
  );

test('a few lines tell what the settings mean, without the password', () => {
  expect(settings({})).toEqual([
    '  bridge     reads mqtt://broker:1883, up to 1,000 messages under way',
    '  backbone   the embedded log in ./log, 1 partition, up to 4,096 MiB: for one machine',
    '  processor  group fieldline-processor, 2 lanes; takes samples from 89 days back to 1 hour ahead',
    '  database   postgres://fieldline@127.0.0.1:5432/fieldline, schema fieldline',
    '             keeps samples 90 days, minutes 366 days, hours 3,653 days, days for good, dead letters 90 days',
    '  page, API  http://127.0.0.1:8080, without a token, from this machine only',
    '  metrics    http://127.0.0.1:9102/metrics',
  ]);
});

test('of Kafka, how many copies there are; of the API, where its token is', () => {
  const lines = settings({
    mqtt: { broker: 'mqtt://broker:1883', shareGroup: 'east' },
    backbone: { kind: 'kafka', brokers: ['a:9092', 'b:9092'], replication: 3, minInSync: 2 },
    api: { host: '0.0.0.0', tokenFile: '/run/token' },
  });
  expect(lines[0]).toContain('shared with the bridges of east');
  expect(lines[1]).toContain('Kafka at a:9092, b:9092, 12 partitions, 3 copies, acknowledged by 2, kept 7 days');
  expect(lines[5]).toContain('http://0.0.0.0:8080, with the token in /run/token');
});
