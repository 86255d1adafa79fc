import type { AddressInfo } from 'node:net';
import { FieldlineError } from '../contracts/errors.ts';
import { type Health, report } from './health.ts';
import type { Metrics } from './metrics.ts';

/**
 * Not imported: whoever imports this module by name is given all of its names at once, and three of them (`WebSocket` is one) load
 * a client for the web, 6 MB and 40 ms.
 */
const { createServer } = process.getBuiltinModule('node:http');

export type OpsServer = { readonly port: number; readonly close: () => Promise<void> };

/** A file that is made when somebody asks for it. */
export type Download = {
  /** e.g. `/modbus.pcapng` */
  readonly path: string;
  readonly type: string;
  /** A text says why there is none: what is asked for does not exist. */
  readonly content: (query: URLSearchParams) => Buffer | string;
};

/**
 * GET /metrics, /health/live, /health/ready for the machines that watch a program.
 * @throws FieldlineError port/in-use
 */
export async function startOpsServer(
  at: { host: string; port: number },
  metrics: Metrics,
  health: Health,
  downloads: readonly Download[] = [],
): Promise<OpsServer> {
  const server = createServer(async (request, response) => {
    const [path, query] = (request.url ?? '/').split('?', 2);
    if (path === '/metrics') {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(await metrics.text());
      return;
    }
    const download = downloads.find((one) => one.path === path);
    if (download !== undefined) {
      const content = download.content(new URLSearchParams(query));
      if (typeof content === 'string') response.writeHead(404, { 'content-type': 'text/plain' }).end(`${content}\n`);
      else response.writeHead(200, { 'content-type': download.type }).end(content);
      return;
    }
    const checks = path === '/health/live' ? health.live : path === '/health/ready' ? health.ready : null;
    if (checks === null) {
      response
        .writeHead(404, { 'content-type': 'text/plain' })
        .end(
          `here are ${[...downloads.map((one) => one.path), '/metrics', '/health/live and /health/ready'].join(', ')}\n`,
        );
      return;
    }
    const state = report(checks);
    response.writeHead(state.ok ? 200 : 503, { 'content-type': 'application/json' }).end(`${JSON.stringify(state)}\n`);
  });
  await listen(server, at);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

type Listener = {
  once: (event: 'error' | 'listening', listener: (error: NodeJS.ErrnoException) => void) => unknown;
  off: (event: 'error', listener: (error: NodeJS.ErrnoException) => void) => unknown;
  listen: (port: number, host: string) => unknown;
};

/** Listens, or says which port is taken and what to do. Serves any net-like server. */
export function listen(server: Listener, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
    server.once('error', failed);
    server.once('listening', () => {
      server.off('error', failed);
      resolve();
    });
    server.listen(port, host);
  });
}

export function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new FieldlineError(
      'port/in-use',
      `port ${port} on ${host} is in use by another program: stop that one or set another port`,
      { cause: error },
    );
  }
  if (error.code === 'EACCES') {
    return new FieldlineError(
      'port/in-use',
      `port ${port} on ${host} needs rights that this user lacks: set a port above 1023`,
      { cause: error },
    );
  }
  return error;
}
