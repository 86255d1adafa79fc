import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { listen } from '@fieldline/shared/runtime';
import { type Faults, type FaultTarget, parseFault } from './faults.ts';

const maxBodyBytes = 64 * 1024;

const help = `GET    /faults                      what stands
PUT    /faults/<server>[/<part>]    e.g. {"kind":"no-answer"}; a part is a unit or a node, by name
DELETE /faults[/<server>[/<part>]]  clears it, or all
`;

export type Control = { readonly port: number; readonly close: () => Promise<void> };

/**
 * Faults on command over HTTP. It has no password: keep it on loopback or inside a test network.
 * @throws FieldlineError port/in-use
 */
export async function startControl(
  at: { readonly host: string; readonly port: number },
  faults: Faults,
): Promise<Control> {
  const server = createServer((request, response) => {
    handle(request, faults).then(
      (reply) => send(response, reply),
      (error: unknown) => send(response, failureOf(error)),
    );
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

type Reply = { readonly status: number; readonly body: string | object };

async function handle(request: IncomingMessage, faults: Faults): Promise<Reply> {
  const target = targetOf(request.url ?? '/');
  if (target === null) return { status: 404, body: help };
  if (request.method === 'GET' && target === 'all') return { status: 200, body: faults.list() };
  if (request.method === 'DELETE') {
    await faults.clear(target === 'all' ? undefined : target);
    return { status: 200, body: faults.list() };
  }
  if (request.method === 'PUT' && target !== 'all') {
    await faults.set(target, parseFault(await bodyOf(request)));
    return { status: 200, body: faults.list() };
  }
  return { status: 405, body: help };
}

function targetOf(url: string): FaultTarget | 'all' | null {
  const [root, server, part, ...more] = new URL(url, 'http://control').pathname
    .split('/')
    .slice(1)
    .map(decodeURIComponent);
  if (root !== 'faults' || more.length > 0) return null;
  if (server === undefined || server === '') return 'all';
  return part === undefined || part === '' ? { server } : { server, part };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > maxBodyBytes)
      throw new FieldlineError('settings/invalid', `a fault has at most ${maxBodyBytes} bytes`);
    chunks.push(bytes);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new FieldlineError('settings/invalid', `the body is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

const failureOf = (error: unknown): Reply =>
  isFieldlineError(error) || error instanceof URIError
    ? { status: 400, body: `${error.message}\n` }
    : { status: 500, body: `${String(error)}\n` };

function send(response: ServerResponse, { status, body }: Reply): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json' });
  response.end(isText ? body : `${JSON.stringify(body)}\n`);
}
