import { connect, type Socket } from 'node:net';
import { type Channel, streamChannel, unreachable } from './channel.ts';
import { connectTrouble } from './connect-trouble.ts';

const connectTimeoutMs = 5_000;
export const keepAliveMs = 30_000;

export const socketChannel = (socket: Socket): Channel =>
  streamChannel(socket, (closed) => socket.once('close', closed).destroy());

/** @throws FieldlineError device/unreachable */
export function openTcp(host: string, port: number, signal: AbortSignal): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    const channel = socketChannel(socket);
    socket.setTimeout(connectTimeoutMs, () => channel.end(`no answer within ${connectTimeoutMs} ms`));
    const aborted = (): void => channel.end('closed');
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(channel);
    });
    void channel.ended.then((reason) => {
      signal.removeEventListener('abort', aborted);
      reject(unreachable(`cannot connect to ${host}:${port}: ${connectTrouble(reason)}`));
    });
  });
}
