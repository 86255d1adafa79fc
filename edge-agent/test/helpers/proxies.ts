import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a proxy was asked for, as `host:port`. */
export type TestProxy = { readonly url: string; readonly asked: string[]; readonly close: () => Promise<void> };
export type ProxyRules = {
  readonly login?: { readonly user: string; readonly password: string };
  readonly forbids?: boolean;
  /** Of HTTP: makes it HTTPS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
};

const sockets = new WeakMap<Server, Set<Duplex>>();

async function listen(scheme: string, server: Server, asked: string[]): Promise<TestProxy> {
  const open = new Set<Duplex>();
  sockets.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    asked,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function join(near: Duplex, far: Duplex): void {
  near.pipe(far).pipe(near);
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
  far.on('error', () => {});
}

/** HTTP with CONNECT alone. */
export function startHttpProxy({ login, forbids = false, tls }: ProxyRules = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const wanted = login === undefined ? undefined : `Basic ${btoa(`${login.user}:${login.password}`)}`;
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  server.on('connect', ({ url = '', headers }, near) => {
    const refusal =
      wanted !== undefined && headers['proxy-authorization'] !== wanted
        ? '407 Proxy Authentication Required'
        : forbids
          ? '403 Forbidden'
          : null;
    if (refusal !== null) {
      near.end(`HTTP/1.1 ${refusal}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    asked.push(url);
    const target = new URL(`http://${url}`);
    const far = connect(Number(target.port), target.hostname, () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      join(near, far);
    });
    far.once('error', () => near.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'));
  });
  return listen(tls === undefined ? 'http' : 'https', server, asked);
}

const noneAccepted = 0xff;
const byPassword = 2;

/** SOCKS5 with CONNECT to names and IPv4 alone: RFC 1928 and 1929. Each message of a client comes in one piece here. */
export function startSocksProxy({ login, forbids = false }: ProxyRules = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const serve = async (near: Socket): Promise<void> => {
    const next = async (): Promise<Buffer> => (await once(near, 'data'))[0];
    const methods = (await next()).subarray(2);
    const method = login === undefined ? 0 : byPassword;
    const isOffered = methods.includes(method);
    near.write(Buffer.from([5, isOffered ? method : noneAccepted]));
    if (!isOffered) return;
    if (login !== undefined) {
      const sent = await next();
      const user = sent.subarray(2, 2 + (sent[1] ?? 0)).toString();
      const password = sent.subarray(3 + user.length).toString();
      const isRight = user === login.user && password === login.password;
      near.write(Buffer.from([1, isRight ? 0 : 1]));
      if (!isRight) return;
    }
    const request = await next();
    const isName = request[3] === 3;
    const host = isName ? request.subarray(5, -2).toString() : request.subarray(4, 8).join('.');
    const port = request.readUInt16BE(request.length - 2);
    const answer = (code: number) => near.write(Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (forbids) {
      answer(2);
      return;
    }
    asked.push(`${host}:${port}`);
    const far = connect(port, host, () => {
      answer(0);
      join(near, far);
    });
    far.once('error', () => answer(5));
  };
  return listen(
    'socks5',
    createServer((near) => void serve(near).catch(() => near.destroy())),
    asked,
  );
}
