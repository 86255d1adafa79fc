/** TLS and SASL as production has them, against a real Kafka with a listener of that kind. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, freePort, kafka, type OwnKafka, startKafka, temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openKafkaBackbone } from '../../../src/backbone/kafka/kafka-backbone.ts';
import type { KafkaConfig } from '../../../src/backbone/kafka/kafka-client.ts';
import { record, take } from '../conformance/bench.ts';

type Sasl = NonNullable<KafkaConfig['sasl']>;

const password = 'right-password';

describeWith(kafka, 'Kafka behind TLS and SASL', () => {
  const folder = temporaryFolder();
  const file = (name: string): string => join(folder, name);
  let server: OwnKafka;
  let broker: string;

  beforeAll(async () => {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('key.pem'), '-out', file('ca.pem')],
        ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ],
      { stdio: 'ignore' },
    );
    writeFileSync(file('server.pem'), readFileSync(file('key.pem'), 'utf8') + readFileSync(file('ca.pem'), 'utf8'));
    writeFileSync(file('password'), password);
    writeFileSync(file('wrong'), 'wrong-password');
    const port = await freePort();
    broker = `127.0.0.1:${port}`;
    const jaas = (mechanism: string, module: string, more = ''): string =>
      `listener.name.secured.${mechanism}.sasl.jaas.config=org.apache.kafka.common.security.${module} required ${more};`;
    server = await startKafka({
      listeners: [{ name: 'SECURED', protocol: 'SASL_SSL', port }],
      scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((name) => `${name}=[name=ingest,password=${password}]`),
      conf: [
        'listener.name.secured.ssl.keystore.type=PEM',
        `listener.name.secured.ssl.keystore.location=${file('server.pem')}`,
        'listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        jaas('plain', 'plain.PlainLoginModule', `user_ingest="${password}"`),
        jaas('scram-sha-256', 'scram.ScramLoginModule'),
        jaas('scram-sha-512', 'scram.ScramLoginModule'),
      ],
    });
  }, 90_000);
  afterAll(() => server.close(), 60_000);

  const open = (sasl: Partial<Sasl>, tls: KafkaConfig['tls'] = { caFile: file('ca.pem') }) =>
    openKafkaBackbone(
      {
        kind: 'kafka',
        brokers: [broker],
        ...(tls === undefined ? {} : { tls }),
        sasl: { mechanism: 'scram-sha-512', username: 'ingest', passwordFile: file('password'), ...sasl },
        partitions: 2,
        replication: 1,
        minInSync: 1,
        retentionMs: 3_600_000,
        maxRecordBytes: 1_000_000,
      },
      silentLog,
    );

  const consumeOf = (topic: string) => ({
    topic,
    group: `group-${topic}`,
    queueBytes: 1_000_000,
    positions: async () => [],
    onGap: () => {},
  });

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`takes and gives records by ${mechanism}`, async () => {
      const backbone = open({ mechanism });
      await backbone.ensureTopic(mechanism);
      await backbone.append(mechanism, [record('gw', 'secret')]);
      const consumer = await backbone.consume(consumeOf(mechanism));
      const [got] = await take(consumer, 1);
      expect(got?.value.toString()).toBe('secret');
      await backbone.close();
    });

    test(`says of a wrong password by ${mechanism} that it was refused, to whoever asks`, async () => {
      const backbone = open({ mechanism, passwordFile: file('wrong') });
      const refused = {
        code: 'backbone/refused',
        message: expect.stringMatching(/refused us: .*[Aa]uthentication failed.*backbone\.sasl/s),
      };
      await expect(backbone.ensureTopic('raw')).rejects.toMatchObject(refused);
      await expect(backbone.append('raw', [record('gw', 'x')])).rejects.toMatchObject(refused);
      await expect(backbone.consume(consumeOf('raw'))).rejects.toMatchObject(refused);
      await backbone.close();
    });
  }

  test('says of a certificate that nobody here knows what to set', async () => {
    const backbone = open({}, {});
    await expect(backbone.ensureTopic('raw')).rejects.toThrow(/certificate.*backbone\.tls\.caFile/s);
    await backbone.close();
  });

  test('says of a listener that wants TLS what to set', async () => {
    const backbone = openKafkaBackbone(
      {
        kind: 'kafka',
        brokers: [broker],
        partitions: 2,
        replication: 1,
        minInSync: 1,
        retentionMs: 3_600_000,
        maxRecordBytes: 1_000_000,
      },
      silentLog,
    );
    await expect(backbone.ensureTopic('raw')).rejects.toThrow(/backbone\.tls/);
    await backbone.close();
  });
});
