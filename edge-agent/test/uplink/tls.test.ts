import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { afterEach, expect, it } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });

/** An authority, and the certificates that it gave to a broker on loopback and to a gateway. */
function makeCertificates(folder: string) {
  const file = (name: string): string => join(folder, name);
  const newKey = (name: string): string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', file(`${name}.key`)];
  openssl('req', '-x509', ...newKey('ca'), '-out', file('ca.pem'), '-subj', '/CN=test authority');
  const issue = (name: string, subject: string, extension: string): void => {
    writeFileSync(file(`${name}.ext`), extension);
    openssl('req', ...newKey(name), '-out', file(`${name}.csr`), '-subj', subject);
    const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...authority,
      '-out',
      file(`${name}.pem`),
      '-extfile',
      file(`${name}.ext`),
    );
  };
  issue('broker', '/CN=127.0.0.1', 'subjectAltName=IP:127.0.0.1\n');
  issue('gateway', '/CN=gateway-1', 'extendedKeyUsage=clientAuth\n');
  return file;
}

describeWith(mosquitto, 'an uplink over TLS', () => {
  it('shows its certificate to a broker that wants one, and says what to do where it has none', async () => {
    const folder = temporaryFolder();
    const file = makeCertificates(folder);
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
});
