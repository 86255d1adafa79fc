import { connect, type Socket } from 'node:net';
import { type Channel, streamChannel, unreachable } from './channel.ts';
import { connectTrouble } from './connect-trouble.ts';

const connectTimeoutMs = 5_000;
/**
 * All connections read into it: each hands on what it has read before another one reads. Else Node makes a buffer of this size for
 * each read.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1_024);
export const keepAliveMs = 30_000;

export const socketChannel = (socket: Socket): Channel =>
  streamChannel(socket, (closed) => socket.once('close', closed).destroy());

/** @throws FieldlineError device/unreachable */
export function openTcp(host: string, port: number, signal: AbortSignal): Promise<Channel> {
  return new Promise((resolve, reject) => {
    let heard: Parameters<Channel['onBytes']>[0] = () => {};
    const onread = {
      buffer: readBuffer,
      callback: (sizeBytes: number) => {
        heard(readBuffer.subarray(0, sizeBytes));
        return true;
      },
    };
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs, onread });
    const channel: Channel = {
      ...socketChannel(socket),
      onBytes: (listener) => {
        heard = listener;
      },
    };
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
