import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ingestSchema } from '@fieldline/shared/config';
import { listen } from '@fieldline/shared/runtime';
import { describeWith, freePort, mosquitto, startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { openSession } from '../../src/mqtt/session.ts';

const options = { clientId: 'session-test', persistent: false };

const configFor = (broker: string, mqtt: Record<string, unknown> = {}) =>
  ingestSchema.parse({
    mqtt: { broker, ...mqtt },
    backbone: { kind: 'embedded', folder: 'unused' },
    database: { url: 'postgres://unused@127.0.0.1/unused' },
  }).mqtt;

describe('a session', () => {
  test('that no broker answers says which broker and that it is unreachable', async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    await expect(openSession(configFor(url), options, '5')).rejects.toMatchObject({
      code: 'broker/unreachable',
      message: expect.stringMatching(new RegExp(`${url}.*ECONNREFUSED`)),
    });
  });

  test('with a listener that says nothing is given up after the connect time-out', async () => {
    const silent = createServer(() => {});
    await listen(silent, { host: '127.0.0.1', port: 0 });
    const address = silent.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const config = configFor(`mqtt://127.0.0.1:${port}`, { connectTimeoutMs: 200 });
    await expect(openSession(config, options, '5')).rejects.toMatchObject({ code: 'broker/unreachable' });
    // Giving up on our side ends it sooner.
    const abort = new AbortController();
    const opening = openSession(configFor(`mqtt://127.0.0.1:${port}`), { ...options, signal: abort.signal }, '5');
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'broker/unreachable' });
    silent.close();
  });

  test('with a broker that has fallen silent is closed all the same', async () => {
    // CONNACK (MQTT 3.1.1, 3.2), and never a word again.
    const mute = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write(Buffer.from([0x20, 2, 0, 0]));
      socket.resume();
    });
    await listen(mute, { host: '127.0.0.1', port: 0 });
    const address = mute.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const session = await openSession(configFor(`mqtt://127.0.0.1:${port}`), options, '3.1.1');
    session.client.publish('topic', 'never acknowledged', { qos: 1 });
    await session.close();
    expect(session.ended.aborted).toBe(true);
    mute.close();
  });

  test('that another client of the same id takes over says so, and which setting changes it', async () => {
    // CONNACK, then DISCONNECT with reason 0x8E (MQTT 5, 3.14.2.1) and the end, as brokers do it.
    const broker = createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
        socket.end(Buffer.from([0xe0, 2, 0x8e, 0]));
      });
    });
    await listen(broker, { host: '127.0.0.1', port: 0 });
    const address = broker.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const session = await openSession(configFor(`mqtt://127.0.0.1:${port}`), options, '5');
    await waitFor(() => session.ended.aborted);
    expect(session.ended.reason).toMatchObject({
      code: 'broker/refused',
      message: expect.stringMatching(/same client id: set another mqtt\.clientId/),
    });
    await session.close();
    broker.close();
  });

  test('falls back to MQTT 3.1.1 where the broker refuses MQTT 5', async () => {
    const broker = await startAedes();
    const session = await openSession(configFor(broker.url), options, '5');
    expect(session.protocol).toBe('3.1.1');
    await session.close();
    await session.close();
    await broker.close();
  });
});

describeWith(mosquitto, 'a session with Mosquitto', () => {
  test.each(['3.1.1', '5'] as const)('MQTT %s: a refused password says what to check', async (protocol) => {
    const folder = temporaryFolder();
    const passwords = join(folder, 'passwords');
    execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'bridge', 'right']);
    const broker = await mosquitto.start({ conf: [`password_file ${passwords}`, 'allow_anonymous false'] });
    const passwordFile = join(folder, 'password');
    const config = configFor(broker.url, { username: 'bridge', passwordFile });
    writeFileSync(passwordFile, 'wrong\n');
    await expect(openSession(config, options, protocol)).rejects.toMatchObject({
      code: 'broker/refused',
      message: expect.stringContaining('mqtt.passwordFile'),
    });
    writeFileSync(passwordFile, 'right\n');
    const session = await openSession(config, options, protocol);
    expect(session.protocol).toBe(protocol);
    await session.close();
    await broker.close();
  });

  test('over TLS trusts the authority of the settings, and says so when it cannot', async () => {
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    const port = await freePort();
    const broker = await mosquitto.start({
      conf: [`listener ${port} 127.0.0.1`, `certfile ${cert}`, `keyfile ${key}`],
    });
    const url = `mqtts://127.0.0.1:${port}`;
    const session = await openSession(configFor(url, { tls: { caFile: cert } }), options, '5');
    await session.close();
    await expect(openSession(configFor(url), options, '5')).rejects.toMatchObject({
      code: 'broker/refused',
      message: expect.stringContaining('mqtt.tls'),
    });
    await expect(openSession(configFor(url, { tls: { caFile: '/no/such/file' } }), options, '5')).rejects.toMatchObject(
      {
        code: 'settings/unreadable',
      },
    );
    await broker.close();
  });
});
