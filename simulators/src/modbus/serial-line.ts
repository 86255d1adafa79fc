import { FieldlineError } from '@fieldline/shared/contracts';
import type { SerialPort } from 'serialport';
import type { Line, OnPeer } from './line.ts';

export type SerialSettings = {
  readonly path: string;
  readonly baudRate: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly dataBits: 7 | 8;
};

/** Any serial path: an adapter, or one end of a pty pair. The library is loaded when a plant has one. */
export function createSerialLine({ path, baudRate, parity, dataBits }: SerialSettings, onPeer: OnPeer): Line {
  let port: SerialPort | undefined;
  return {
    up: async () => {
      const library = await import('serialport');
      const next = new library.SerialPort({ path, baudRate, parity, dataBits, stopBits: 1, autoOpen: false });
      await new Promise<void>((resolve, reject) => {
        next.open((error) => (error === null ? resolve() : reject(openError(path, error))));
      });
      const conversation = onPeer({
        write: (bytes) => void next.write(bytes),
        pause: () => void next.pause(),
        resume: () => void next.resume(),
        // A serial line has no connection that could be closed: the request is just not answered.
        disconnect: () => {},
      });
      next.on('data', conversation.receive);
      next.on('error', () => {});
      next.on('close', conversation.end);
      port = next;
    },
    down: () =>
      new Promise((resolve) => {
        if (port?.isOpen === true) port.close(() => resolve());
        else resolve();
        port = undefined;
      }),
    address: { host: '', port: 0, url: path },
  };
}

const openError = (path: string, error: Error): FieldlineError =>
  new FieldlineError(
    'device/unreachable',
    `cannot open the serial port ${path}: ${error.message}; check its path, and that this user may use it (group dialout)`,
    { cause: error },
  );
