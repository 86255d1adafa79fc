/** A way through the proxy of a site: a connection to the broker that HTTP CONNECT or SOCKS5 has opened. */
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { FieldlineError } from '@fieldline/shared/contracts';
import { SocksClient } from 'socks';

export type SiteProxy = {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
};

export type Destination = { readonly host: string; readonly port: number };

// Not imported: see the ops server.
const { request: httpRequest } = process.getBuiltinModule('node:http');

const socksPort = 1080;

/**
 * The proxy resolves the name of the broker: behind one, a site often cannot. The tunnel is destroyed when the signal is
 * aborted before it is open.
 * @throws FieldlineError broker/unreachable
 */
export async function openTunnel(
  proxy: SiteProxy,
  to: Destination,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const isSocks = new URL(proxy.url).protocol === 'socks5:';
  try {
    return await (isSocks ? socksTunnel(proxy, to, timeoutMs, limit) : httpTunnel(proxy, to, limit));
  } catch (error) {
    if (error instanceof FieldlineError) throw error;
    const isLate = limit.aborted && !signal.aborted;
    const reason = isLate ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    throw failed(proxy, `${reason}; check uplink.proxy and the network`, error);
  }
}

/** TLS with the broker inside of the tunnel: the proxy sees nothing of it. @throws what TLS says */
export async function secureTunnel(
  tunnel: Duplex,
  host: string,
  { ca, cert, key }: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const secured = connectTls({ ca, cert, key, host, socket: tunnel, ...name });
  secured.on('error', leftToClose);
  tunnel.once('close', () => secured.destroy(new Error('the connection ended')));
  const late = AbortSignal.timeout(timeoutMs);
  try {
    await once(secured, 'secureConnect', { signal: AbortSignal.any([signal, late]) });
    return secured;
  } catch (error) {
    tunnel.destroy();
    throw late.aborted ? new Error(`no TLS answer within ${timeoutMs} ms`, { cause: error }) : error;
  }
}

/** Whoever holds the end of a tunnel sees it close; an error that nobody listens to would end the program. */
const leftToClose = (): void => {};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failed = ({ url }: SiteProxy, reason: string, cause?: unknown): FieldlineError =>
  new FieldlineError('broker/unreachable', `no connection through the proxy ${url}: ${reason}`, { cause });

const wantsLogin = 'it wants another user or password; check uplink.proxy.username and uplink.proxy.passwordFile';
const forbids = (to: Destination): string => `it does not let us through to ${named(to)}; have that allowed there`;

const named = ({ host, port }: Destination): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** RFC 9110 section 9.3.6. */
function httpTunnel(proxy: SiteProxy, to: Destination, limit: AbortSignal): Promise<Duplex> {
  const request = (proxy.url.startsWith('https:') ? httpsRequest : httpRequest)(proxy.url, {
    method: 'CONNECT',
    path: named(to),
    headers: { host: named(to), ...authorization(proxy) },
    agent: false,
  });
  return new Promise<Duplex>((resolve, reject) => {
    const abort = (): void => void request.destroy(new Error('given up'));
    limit.addEventListener('abort', abort, { once: true });
    request.once('error', reject);
    request.once('connect', ({ statusCode = 0, statusMessage = '' }, socket: Duplex, head: Buffer) => {
      limit.removeEventListener('abort', abort);
      if (statusCode >= 200 && statusCode < 300) {
        socket.on('error', leftToClose);
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(failed(proxy, explainStatus(statusCode, statusMessage, to)));
    });
    request.end();
  });
}

function explainStatus(status: number, text: string, to: Destination): string {
  if (status === 407) return wantsLogin;
  if (status === 403 || status === 405) return forbids(to);
  const answer = `it answers ${status} ${text} to CONNECT ${named(to)}`;
  return `${answer}; check uplink.broker, and the network behind the proxy`;
}

function authorization({ username, password = '' }: SiteProxy): { 'proxy-authorization'?: string } {
  if (username === undefined) return {};
  return { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** RFC 1928, with the password of RFC 1929. */
async function socksTunnel(proxy: SiteProxy, to: Destination, timeoutMs: number, limit: AbortSignal): Promise<Duplex> {
  const { hostname, port } = new URL(proxy.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const socket = connect({ host, port: port === '' ? socksPort : Number(port) });
  socket.on('error', leftToClose);
  const abort = (): void => void socket.destroy();
  limit.addEventListener('abort', abort, { once: true });
  try {
    await once(socket, 'connect', { signal: limit });
    await SocksClient.createConnection({
      command: 'connect',
      destination: to,
      existing_socket: socket,
      proxy: {
        type: 5,
        host,
        port: socksPort,
        ...(proxy.username === undefined ? {} : { userId: proxy.username, password: proxy.password ?? '' }),
      },
      timeout: timeoutMs,
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw explainSocks(proxy, to, error);
  } finally {
    limit.removeEventListener('abort', abort);
  }
}

/** The library has its reasons in the message alone. */
function explainSocks(proxy: SiteProxy, to: Destination, error: unknown): unknown {
  const reason = reasonOf(error);
  if (/Authentication failed|authentication type/.test(reason)) return failed(proxy, wantsLogin, error);
  if (/NotAllowed/.test(reason)) return failed(proxy, forbids(to), error);
  if (!/proxy rejected connection/.test(reason)) return error;
  return failed(
    proxy,
    `it does not reach ${named(to)} (${reason}); check uplink.broker, and the network behind the proxy`,
    error,
  );
}
