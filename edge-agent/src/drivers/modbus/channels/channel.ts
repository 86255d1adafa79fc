import type { Duplex } from 'node:stream';
import { FieldlineError } from '@fieldline/shared/contracts';

/** An open way for bytes to the devices of a link and back. */
export type Channel = {
  readonly write: (bytes: Buffer) => void;
  /** Whoever listens is given all that comes from then on, as it comes. One listener. The bytes are its own only until it returns. */
  readonly onBytes: (listener: (bytes: Buffer) => void) => void;
  readonly isOpen: () => boolean;
  /** Idempotent; the first reason counts. */
  readonly end: (reason: string) => void;
  /** Resolves when it is closed and no byte can come any more: why, in words for the operator. */
  readonly ended: Promise<string>;
};

export const unreachable = (message: string): FieldlineError => new FieldlineError('device/unreachable', message);

/** The part of a channel that begins and ends it; `close` is called once, and calls back when no byte can come any more. */
export function lifeOf(close: (closed: () => void) => void): Pick<Channel, 'isOpen' | 'end' | 'ended'> {
  let open = true;
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const end = (reason: string): void => {
    if (!open) return;
    open = false;
    close(() => resolve(reason));
  };
  return { isOpen: () => open, end, ended };
}

export function streamChannel(
  stream: Duplex,
  close: (closed: () => void) => void,
  write: Channel['write'] = (bytes) => void stream.write(bytes),
): Channel {
  const life = lifeOf((closed) => (stream.closed ? closed() : close(closed)));
  stream.on('error', (error) => life.end(error.message));
  stream.once('end', () => life.end('the other side closed the connection'));
  stream.once('close', () => life.end('the connection was closed'));
  return { ...life, write, onBytes: (listener) => void stream.on('data', listener) };
}
