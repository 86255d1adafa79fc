import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probeReplyTopic, probeTopic, topicOf } from '@fieldline/shared/contracts';
import { describeWith, mosquitto, type TestMosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync, connect as connectLater, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { init } from '../../compose/init.ts';

const broker = (file: string): string => fileURLToPath(new URL(`../../broker/${file}`, import.meta.url));

/** The lines of the file as it is shipped, with the paths and the listener of this test. */
function shippedConfiguration(accounts: string): string[] {
  return readFileSync(broker('mosquitto.conf'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/^(listener|persistence|log_dest)/.test(line))
    .map((line) =>
      line.replace('/run/secrets/broker-accounts', accounts).replace('/mosquitto/config/acl', broker('acl')),
    );
}

describeWith(mosquitto, 'the broker as it is shipped', () => {
  const secrets = temporaryFolder();
  let server: TestMosquitto;
  const clients: MqttClient[] = [];

  const connect = async (username: string, passwordOf: string): Promise<MqttClient> => {
    const password = readFileSync(join(secrets, passwordOf), 'utf8');
    const client = await connectAsync(
      server.url,
      { username, password, protocolVersion: 5, reconnectPeriod: 0 },
      false,
    );
    clients.push(client);
    return client;
  };
  const gateway = (): Promise<MqttClient> => connect('pumping-station', 'broker-gateway');
  const ingest = (): Promise<MqttClient> => connect('ingest', 'broker-ingest');
  const operator = (): Promise<MqttClient> => connect('operator', 'broker-operator');

  /**
   * MQTT 5: the broker answers a publish that it refuses with reason 135, "not authorized". Each has a connection of its own:
   * Mosquitto 2.0.11 closes one after a refused publish.
   */
  const publish = async (as: () => Promise<MqttClient>, topic: string): Promise<string> => {
    const client = await as();
    try {
      await client.publishAsync(topic, 'x', { qos: 1 });
      return 'taken';
    } catch (error) {
      return (error as { code?: number }).code === 135 ? 'refused' : String(error);
    }
  };
  const received = async (client: MqttClient, filter: string): Promise<string[]> => {
    const topics: string[] = [];
    client.on('message', (topic) => topics.push(topic));
    await client.subscribeAsync(filter, { qos: 1 });
    return topics;
  };

  beforeAll(async () => {
    init(secrets);
    server = await mosquitto.start({ conf: shippedConfiguration(join(secrets, 'broker-accounts')) });
  });
  afterAll(async () => {
    for (const client of clients) await client.endAsync(true);
    await server.close();
  });

  test('a gateway publishes under its own id only', async () => {
    for (const kind of ['batch', 'state', 'birth'] as const) {
      expect(await publish(gateway, topicOf('pumping-station', kind)), kind).toBe('taken');
      expect(await publish(gateway, topicOf('another', kind)), kind).toBe('refused');
    }
  });

  test('a gateway cannot publish acknowledgements, not even its own: a forged one would delete data', async () => {
    expect(await publish(gateway, topicOf('pumping-station', 'ack'))).toBe('refused');
    expect(await publish(gateway, topicOf('another', 'ack'))).toBe('refused');
  });

  test('ingest reads what every gateway sends and publishes acknowledgements, of which a gateway gets its own only', async () => {
    const [cloud, edge] = [await ingest(), await gateway()];
    const atCloud = await received(cloud, 'fieldline/+/batch');
    const atEdge = await received(edge, 'fieldline/+/ack');
    expect(await publish(gateway, topicOf('pumping-station', 'batch'))).toBe('taken');
    await waitFor(() => atCloud.includes('fieldline/pumping-station/batch'));
    expect(await publish(ingest, topicOf('another', 'ack'))).toBe('taken');
    expect(await publish(ingest, topicOf('pumping-station', 'ack'))).toBe('taken');
    await waitFor(() => atEdge.length > 0);
    expect(atEdge).toEqual(['fieldline/pumping-station/ack']);
  });

  test('only operator publishes commands, of which a gateway gets its own only', async () => {
    const edge = await gateway();
    const atEdge = await received(edge, 'fieldline/+/command');
    for (const other of [gateway, ingest]) {
      expect(await publish(other, topicOf('pumping-station', 'command'))).toBe('refused');
    }
    expect(await publish(operator, topicOf('another', 'command'))).toBe('taken');
    expect(await publish(operator, topicOf('pumping-station', 'command'))).toBe('taken');
    await waitFor(() => atEdge.length > 0);
    expect(atEdge).toEqual(['fieldline/pumping-station/command']);
  });

  test('only a gateway publishes answers, its own, and operator hears them', async () => {
    const heard = await received(await operator(), 'fieldline/+/answer');
    for (const other of [operator, ingest]) {
      expect(await publish(other, topicOf('pumping-station', 'answer'))).toBe('refused');
    }
    expect(await publish(gateway, topicOf('another', 'answer'))).toBe('refused');
    expect(await publish(gateway, topicOf('pumping-station', 'answer'))).toBe('taken');
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual(['fieldline/pumping-station/answer']);
  });

  test('operator neither sends samples nor reads them', async () => {
    const spied = await received(await operator(), 'fieldline/+/batch');
    const atCloud = await received(await ingest(), 'fieldline/+/batch');
    expect(await publish(operator, topicOf('pumping-station', 'batch'))).toBe('refused');
    expect(await publish(gateway, topicOf('pumping-station', 'batch'))).toBe('taken');
    await waitFor(() => atCloud.length > 0);
    expect(spied).toEqual([]);
  });

  test('ingest tests its own reception and reads what the broker drops, where a gateway neither sends nor sees', async () => {
    const [cloud, edge] = [await ingest(), await gateway()];
    const atCloud = await received(cloud, 'fieldline/+/batch');
    const replies = await received(cloud, probeReplyTopic('bridge'));
    const counted = await received(cloud, '$SYS/broker/publish/messages/dropped');
    const spied = await received(edge, 'fieldline/~probe/#');
    expect(await publish(ingest, probeTopic)).toBe('taken');
    expect(await publish(ingest, probeReplyTopic('bridge'))).toBe('taken');
    await waitFor(() => atCloud.includes(probeTopic) && replies.includes(probeReplyTopic('bridge')));
    await waitFor(() => counted.includes('$SYS/broker/publish/messages/dropped'));
    expect(await publish(gateway, probeTopic)).toBe('refused');
    expect(spied).toEqual([]);
  });

  test('a gateway does not get what another sends', async () => {
    const [edge, cloud] = [await gateway(), await ingest()];
    const spied = await received(edge, 'fieldline/+/batch');
    const atCloud = await received(cloud, 'fieldline/+/batch');
    expect(await publish(gateway, topicOf('pumping-station', 'batch'))).toBe('taken');
    await waitFor(() => atCloud.length > 0);
    expect(spied).toEqual([]);
  });

  test('nobody gets in without a password, or with a wrong one', async () => {
    const options = { reconnectPeriod: 0, protocolVersion: 5 } as const;
    await expect(connectAsync(server.url, options, false)).rejects.toMatchObject({ code: 135 });
    const wrong = { ...options, username: 'ingest', password: 'ingest' };
    await expect(connectAsync(server.url, wrong, false)).rejects.toMatchObject({ code: 135 });
  });

  test('more than the thousand messages of its defaults wait for a bridge that is away', async () => {
    const [edge, password] = [await gateway(), readFileSync(join(secrets, 'broker-ingest'), 'utf8')];
    const session = {
      username: 'ingest',
      password,
      clientId: 'bridge',
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 3_600 },
      reconnectPeriod: 0,
    } as const;
    const first = await connectAsync(server.url, session, false);
    await first.subscribeAsync('fieldline/+/batch', { qos: 1 });
    await first.endAsync(true);
    const sent = 2_500;
    const publishing = Array.from({ length: sent }, (_, n) =>
      edge.publishAsync('fieldline/pumping-station/batch', String(n), { qos: 1 }),
    );
    await Promise.all(publishing);
    const got = new Set<string>();
    // Listening before it connects: what waits comes at once.
    const back = connectLater(server.url, session);
    clients.push(back);
    back.on('message', (_topic, payload) => got.add(payload.toString()));
    await waitFor(() => got.size === sent, { what: 'all that was sent meanwhile' });
  });
});
