import { writeFileSync } from 'node:fs';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { afterEach, expect, it, test } from 'vitest';
import { readTls } from '../../src/uplink/connect-options.ts';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { makeAuthority } from '../helpers/certificates.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('files that are no certificate, or no pair, are told before a connection is tried', () => {
  const folder = temporaryFolder();
  const { file, issueGateway } = makeAuthority(folder);
  issueGateway('one', 'one');
  issueGateway('other', 'other');
  writeFileSync(file('empty.pem'), 'nothing\n');
  expect(() => readTls({ caFile: file('empty.pem') })).toThrow(/caFile: .*empty\.pem holds no certificate/);
  expect(() => readTls({ certFile: file('one.pem'), keyFile: file('other.key') })).toThrow(
    /other\.key is not the key of .*one\.pem/,
  );
  expect(() => readTls({ certFile: file('one.pem'), keyFile: file('empty.pem') })).toThrow(/cannot be read as PEM/);
  expect(Object.keys(readTls({ certFile: file('one.pem'), keyFile: file('one.key') }))).toEqual(['cert', 'key']);
});

describeWith(mosquitto, 'an uplink over TLS', () => {
  it('shows its certificate to a broker that wants one, and says what to do where it has none', async () => {
    const folder = temporaryFolder();
    const { file, issueBroker, issueGateway } = makeAuthority(folder);
    issueBroker('broker');
    issueGateway('gateway', 'gateway-1');
    const port = await freePort();
    const broker = await mosquitto.start({
      conf: [
        `listener ${port} 127.0.0.1`,
        `cafile ${file('ca.pem')}`,
        `certfile ${file('broker.pem')}`,
        `keyfile ${file('broker.key')}`,
        'require_certificate true',
      ],
    });
    closers.push(broker.close);
    const listener = await connectAsync(broker.url);
    closers.push(() => listener.endAsync());
    const heard: string[] = [];
    listener.on('message', (topic) => heard.push(topic));
    await listener.subscribeAsync('fieldline/+/batch');

    const url = `mqtts://127.0.0.1:${port}`;
    const tls = { caFile: file('ca.pem'), certFile: file('gateway.pem'), keyFile: file('gateway.key') };
    const agent = await startTestAgent(folder, edgeConfig(url, { uplink: { tls, confirm: 'broker' } }));
    agent.emit(numbers(0, 3));
    await waitFor(() => heard.length > 0, { what: 'a batch over TLS' });
    await agent.close();

    const without = await startTestAgent(
      temporaryFolder(),
      edgeConfig(url, { uplink: { tls: { caFile: file('ca.pem') }, confirm: 'broker' } }),
    );
    closers.push(() => without.close());
    await waitFor(() => /certificate|handshake|tls/i.test(Object.values(without.troubles()).join()), {
      what: 'the trouble to be named',
    });
    const untrusting = await startTestAgent(temporaryFolder(), edgeConfig(url, { uplink: { confirm: 'broker' } }));
    closers.push(() => untrusting.close());
    await waitFor(() => /certificate|tls/i.test(Object.values(untrusting.troubles()).join()), {
      what: 'the trouble to be named',
    });
    expect(heard.every((topic) => topic.endsWith('/batch'))).toBe(true);
  }, 60_000);

  it('says that a port may be the one with TLS, or the one without, where the broker hangs up at once', async () => {
    const { file, issueBroker } = makeAuthority(temporaryFolder());
    issueBroker('broker');
    const port = await freePort();
    const broker = await mosquitto.start({
      conf: [`listener ${port} 127.0.0.1`, `certfile ${file('broker.pem')}`, `keyfile ${file('broker.key')}`],
    });
    closers.push(broker.close);
    for (const [url, hint] of [
      [`mqtt://127.0.0.1:${port}`, 'this may be its port with TLS, which wants mqtts://'],
      [broker.url.replace('mqtt:', 'mqtts:'), 'this may be its port without TLS, which wants mqtt://'],
    ] as const) {
      const agent = await startTestAgent(temporaryFolder(), edgeConfig(url, { uplink: { confirm: 'broker' } }));
      closers.push(() => agent.close());
      await waitFor(() => Object.values(agent.troubles()).join().includes(hint), { what: hint });
    }
  }, 60_000);
});
