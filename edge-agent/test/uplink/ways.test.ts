import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describeWith, freePort, mosquitto, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from '../helpers/agent.ts';
import { makeAuthority } from '../helpers/certificates.ts';
import { closing } from '../helpers/closing.ts';
import { startFakeCloud, storedValues } from '../helpers/fake-cloud.ts';
import { listeningLog } from '../helpers/listening-log.ts';
import { startHttpProxy, startSocksProxy } from '../helpers/proxies.ts';

const startProxy = { 'HTTP CONNECT': startHttpProxy, SOCKS5: startSocksProxy };
const proxyKinds = ['HTTP CONNECT', 'SOCKS5'] as const;
const schemes = ['mqtt', 'mqtts', 'ws', 'wss'] as const;

/** One broker with a listener for each way to it; the encrypted ones want a certificate. */
async function startBroker(folder: string) {
  const { file, issueBroker, issueGateway } = makeAuthority(folder);
  issueBroker('broker');
  issueGateway('gateway', 'gateway-1');
  const [tlsPort, webPort, secureWebPort] = [await freePort(), await freePort(), await freePort()];
  const secure = [
    `cafile ${file('ca.pem')}`,
    `certfile ${file('broker.pem')}`,
    `keyfile ${file('broker.key')}`,
    'require_certificate true',
  ];
  const conf = [
    ...[`listener ${webPort} 127.0.0.1`, 'protocol websockets'],
    ...[`listener ${tlsPort} 127.0.0.1`, ...secure],
    ...[`listener ${secureWebPort} 127.0.0.1`, 'protocol websockets', ...secure],
  ];
  const broker = closing(await mosquitto.start({ conf }));
  const ports = { mqtt: broker.port, mqtts: tlsPort, ws: webPort, wss: secureWebPort };
  const tls = { caFile: file('ca.pem'), certFile: file('gateway.pem'), keyFile: file('gateway.key') };
  return { broker, ports, tls };
}

describeWith(mosquitto, 'the way to the broker', () => {
  let folder: string;
  let site: Awaited<ReturnType<typeof startBroker>>;
  beforeEach(async () => {
    folder = temporaryFolder();
    site = await startBroker(folder);
  });

  const settingsFor = (scheme: (typeof schemes)[number]) => {
    const isSecure = scheme === 'mqtts' || scheme === 'wss';
    return { ...(isSecure ? { tls: site.tls } : {}) };
  };

  it.each(['ws', 'wss'] as const)('may be %s', async (scheme) => {
    const cloud = closing(await startFakeCloud(site.broker.url));
    const config = edgeConfig(`${scheme}://127.0.0.1:${site.ports[scheme]}/mqtt`, { uplink: settingsFor(scheme) });
    const agent = closing(await startTestAgent(folder, config));
    agent.emit(numbers(0, 1_000));
    await waitFor(() => storedValues(cloud).length === 1_000);
    expect(storedValues(cloud)).toEqual(numbers(0, 1_000));
  });

  it.each(proxyKinds.flatMap((kind) => schemes.map((scheme) => ({ kind, scheme }))))(
    'may lead through a proxy: $scheme by $kind, with user and password',
    async ({ kind, scheme }) => {
      const cloud = closing(await startFakeCloud(site.broker.url));
      const proxy = closing(await startProxy[kind]({ login: { user: 'plant', password: 's3cret' } }));
      writeFileSync(join(folder, 'proxy-password'), 's3cret\n');
      const config = edgeConfig(`${scheme}://localhost:${site.ports[scheme]}`, {
        uplink: {
          ...settingsFor(scheme),
          proxy: { url: proxy.url, username: 'plant', passwordFile: 'proxy-password' },
        },
      });
      const agent = closing(await startTestAgent(folder, config));
      agent.emit(numbers(0, 1_000));
      await waitFor(() => storedValues(cloud).length === 1_000);
      // By its name: a site behind a proxy often cannot resolve it.
      expect(proxy.asked).toEqual([`localhost:${site.ports[scheme]}`]);
    },
  );

  it('may lead through a proxy that is itself reached by TLS', async () => {
    const read = (name: string): Buffer => readFileSync(join(folder, name));
    const before = getCACertificates('default');
    onTestFinished(() => setDefaultCACertificates(before));
    const proxy = closing(await startHttpProxy({ tls: { cert: read('broker.pem'), key: read('broker.key') } }));
    const uplink = { ...settingsFor('mqtts'), proxy: { url: proxy.url } };
    const config = edgeConfig(`mqtts://127.0.0.1:${site.ports.mqtts}`, { uplink });
    const agent = closing(await startTestAgent(folder, config));
    await waitFor(() => agent.troubles().uplink?.includes(`no connection through the proxy ${proxy.url}: `));
    expect(agent.troubles().uplink).toContain('certificate');
    setDefaultCACertificates([...before, read('ca.pem').toString()]);
    await waitFor(() => agent.troubles().uplink === undefined);
  });

  it.each(proxyKinds)('says what the proxy wants when it refuses (%s)', async (kind) => {
    const picky = closing(await startProxy[kind]({ login: { user: 'plant', password: 's3cret' } }));
    const strict = closing(await startProxy[kind]({ forbids: true }));
    const open = closing(await startProxy[kind]());
    const gone = `${new URL(open.url).protocol}//127.0.0.1:${await freePort()}`;
    const nowhere = `mqtt://127.0.0.1:${await freePort()}`;
    const cases = [
      [picky.url, site.broker.url, 'it wants another user or password; check uplink.proxy.username'],
      [strict.url, site.broker.url, `it does not let us through to 127.0.0.1:${site.ports.mqtt}; have that allowed`],
      [open.url, nowhere, 'check uplink.broker, and the network behind the proxy'],
      [gone, site.broker.url, 'check uplink.proxy and the network'],
    ] as const;
    for (const [url, broker, words] of cases) {
      const agent = closing(
        await startTestAgent(temporaryFolder(), edgeConfig(broker, { uplink: { proxy: { url } } })),
      );
      await waitFor(() => agent.troubles().uplink?.includes('proxy'));
      expect(agent.troubles().uplink).toContain(`no connection through the proxy ${url}: `);
      expect(agent.troubles().uplink).toContain(words);
    }
  });

  it('hides nothing of a certificate that is not trusted behind a proxy', async () => {
    const proxy = closing(await startHttpProxy());
    const uplink = { proxy: { url: proxy.url } };
    const config = edgeConfig(`mqtts://127.0.0.1:${site.ports.mqtts}`, { uplink });
    const agent = closing(await startTestAgent(folder, config));
    await waitFor(() => agent.troubles().uplink?.includes('check uplink.tls and the certificate of the broker'));
  });

  it('names the path when a WebSocket is refused', async () => {
    const { lines, log } = listeningLog();
    const page = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    });
    const port = await freePort();
    await new Promise<void>((resolve) => page.listen(port, '127.0.0.1', () => resolve()));
    closing({ close: async () => void page.close() });
    closing(await startTestAgent(folder, edgeConfig(`ws://127.0.0.1:${port}`), log));
    const said = await waitFor(() => lines.find(({ code }) => code === 'broker/unreachable'));
    expect(said.msg).toContain('404');
    expect(said.msg).toContain('check the path in uplink.broker, which is often /mqtt');
  });
});

async function startSilentServer() {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => {}).resume());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  return {
    port,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

describe('a proxy that says nothing', () => {
  it.each(['http', 'socks5'])('is given up after the connect timeout (%s)', async (scheme) => {
    const silent = closing(await startSilentServer());
    const url = `${scheme}://127.0.0.1:${silent.port}`;
    const config = edgeConfig('mqtt://127.0.0.1:1', { uplink: { proxy: { url }, connectTimeoutMs: 300 } });
    const agent = await startTestAgent(temporaryFolder(), config);
    await waitFor(() => agent.troubles().uplink?.includes('no answer within 300 ms'));
    await agent.close();
  });

  it('is given up, too, when the broker behind it says nothing about TLS', async () => {
    const silent = closing(await startSilentServer());
    const proxy = closing(await startHttpProxy());
    const uplink = { proxy: { url: proxy.url }, connectTimeoutMs: 300 };
    const config = edgeConfig(`mqtts://127.0.0.1:${silent.port}`, { uplink });
    const agent = closing(await startTestAgent(temporaryFolder(), config));
    await waitFor(() => agent.troubles().uplink?.includes('no TLS answer within 300 ms'));
  });

  it('does not keep the agent from stopping', async () => {
    const silent = closing(await startSilentServer());
    const proxy = { url: `http://127.0.0.1:${silent.port}` };
    const config = edgeConfig('mqtt://127.0.0.1:1', { uplink: { proxy, connectTimeoutMs: 3_600_000 } });
    const agent = await startTestAgent(temporaryFolder(), config);
    await waitFor(() => silent.connections() > 0);
    await agent.close();
  });
});
