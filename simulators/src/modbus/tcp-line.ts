import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { listen } from '@fieldline/shared/runtime';
import type { Line, OnPeer } from './line.ts';

/** Comes back on the port that it had, also where the system chose it. */
export function createTcpLine(at: { readonly host: string; readonly port: number }, onPeer: OnPeer): Line {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = at.port;
  const greet = (socket: Socket): void => {
    socket.setNoDelay(true);
    const conversation = onPeer({
      write: (bytes) => void socket.write(bytes),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      disconnect: () => void socket.destroy(),
    });
    sockets.add(socket);
    socket.on('data', conversation.receive);
    // A client that resets its connection is no trouble of ours: `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      conversation.end();
      sockets.delete(socket);
    });
  };
  return {
    up: async () => {
      const next = createServer(greet);
      await listen(next, { host: at.host, port });
      port = (next.address() as AddressInfo).port;
      server = next;
    },
    down: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        if (server === undefined) resolve();
        else server.close(() => resolve());
        server = undefined;
      }),
    get address() {
      return { host: at.host, port, url: `tcp://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}` };
    },
  };
}
