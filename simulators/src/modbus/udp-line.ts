import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { listenError } from '@fieldline/shared/runtime';
import type { Line, OnPeer } from './line.ts';

/** Each datagram is a request of its own, answered to where it came from. */
export function createUdpLine(at: { readonly host: string; readonly port: number }, onPeer: OnPeer): Line {
  let socket: Socket | undefined;
  let port = at.port;
  return {
    up: async () => {
      const next = createSocket(isIPv6(at.host) ? 'udp6' : 'udp4');
      await new Promise<void>((resolve, reject) => {
        next.once('error', (error) => reject(listenError(error, at.host, port)));
        next.bind(port, at.host, resolve);
      });
      next.on('error', () => {});
      next.on('message', (datagram, from) => {
        const conversation = onPeer({
          write: (bytes) => {
            if (socket === next) next.send(bytes, from.port, from.address);
          },
          pause: () => {},
          resume: () => {},
          // There is no connection that could be closed: the request is just not answered.
          disconnect: () => {},
        });
        conversation.receive(datagram);
      });
      port = next.address().port;
      socket = next;
    },
    down: () =>
      new Promise((resolve) => {
        const last = socket;
        socket = undefined;
        if (last === undefined) resolve();
        else last.close(() => resolve());
      }),
    get address() {
      return { host: at.host, port, url: `udp://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}` };
    },
  };
}
