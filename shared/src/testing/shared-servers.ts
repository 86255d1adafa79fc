/**
 * Servers that one test run starts at most once, on first demand, and all its worker processes share.
 *
 * The main process (global-setup.ts) listens on loopback; a worker asks it for a server by name and waits until that one
 * is up. So a run that needs no Kafka starts none.
 */
import { createServer, type Server } from 'node:http';

const variable = 'FIELDLINE_TEST_SERVERS';

/** Starts the server named, and says where it is. */
export type SharedServer = () => Promise<{ readonly address: string; readonly close: () => Promise<void> }>;

export async function offerServers(servers: Readonly<Record<string, SharedServer>>): Promise<() => Promise<void>> {
  const started = new Map<string, ReturnType<SharedServer>>();
  const http = createServer((request, response) => {
    const name = (request.url ?? '').slice(1);
    const start = servers[name];
    if (start === undefined) {
      response.writeHead(404).end(`no server is called ${JSON.stringify(name)}`);
      return;
    }
    const starting = started.get(name) ?? start();
    started.set(name, starting);
    starting.then(
      ({ address }) => response.end(address),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  process.env[variable] = await listen(http);
  return async () => {
    http.closeAllConnections();
    http.close();
    const closing = [...started.values()].map((starting) => starting.then((server) => server.close()));
    for (const result of await Promise.allSettled(closing)) {
      if (result.status === 'rejected') process.stderr.write(`closing a test server failed: ${result.reason}\n`);
    }
  };
}

export async function askForServer(name: string): Promise<string> {
  const base = process.env[variable];
  if (base === undefined) throw new Error('run the tests with the vitest.config.ts at the root: it starts the servers');
  const response = await fetch(`${base}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`the test server ${name} did not start: ${text}`);
  return text;
}

const listen = (http: Server): Promise<string> =>
  new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(0, '127.0.0.1', () => {
      http.unref();
      const address = http.address();
      if (address === null || typeof address === 'string') reject(new Error('no port was given'));
      else resolve(`http://127.0.0.1:${address.port}`);
    });
  });
