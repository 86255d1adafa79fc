import { ingestSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { resolvePaths } from '../src/resolve-paths.ts';

const settings = (backbone: unknown) =>
  ingestSchema.parse({
    mqtt: {
      broker: 'mqtts://broker',
      passwordFile: 'broker.password',
      tls: { caFile: './ca.pem', certFile: '../cert.pem', keyFile: '/keys/key.pem' },
    },
    backbone,
    database: { url: 'postgres://nobody@127.0.0.1/none', passwordFile: 'database.password' },
    api: { tokenFile: 'token' },
  });

test('every path of the settings is relative to the settings file; an absolute one stays as it is', () => {
  const config = resolvePaths(settings({ kind: 'embedded', folder: './backbone' }), '/etc/fieldline');
  expect(config).toMatchObject({
    mqtt: {
      passwordFile: '/etc/fieldline/broker.password',
      tls: { caFile: '/etc/fieldline/ca.pem', certFile: '/etc/cert.pem', keyFile: '/keys/key.pem' },
    },
    backbone: { folder: '/etc/fieldline/backbone' },
    database: { passwordFile: '/etc/fieldline/database.password' },
    api: { tokenFile: '/etc/fieldline/token' },
  });
});

test('so are those of Kafka, and what is not set stays away', () => {
  const kafka = {
    kind: 'kafka',
    brokers: ['kafka:9092'],
    tls: { caFile: 'ca.pem' },
    sasl: { mechanism: 'plain', username: 'fieldline', passwordFile: 'kafka.password' },
  };
  const { backbone } = resolvePaths(settings(kafka), '/etc/fieldline');
  expect(backbone).toMatchObject({ sasl: { passwordFile: '/etc/fieldline/kafka.password' } });
  expect('tls' in backbone && backbone.tls).toEqual({ caFile: '/etc/fieldline/ca.pem' });
  const bare = settings({ kind: 'kafka', brokers: ['kafka:9092'] });
  expect(resolvePaths(bare, '/etc/fieldline').backbone).toEqual(bare.backbone);
});
