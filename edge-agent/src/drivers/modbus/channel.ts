import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ModbusLink } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';

const connectTimeoutMs = 5_000;
const keepAliveMs = 30_000;

/** An open stream of bytes to the devices of a link. */
export type Channel = {
  readonly stream: Duplex;
  readonly isOpen: () => boolean;
  /** Idempotent; the first reason counts. */
  readonly end: (reason: string) => void;
  /** Resolves when it is closed and no byte can come any more: why, in words for the operator. */
  readonly ended: Promise<string>;
};

/** @throws FieldlineError device/unreachable */
export function openChannel(link: ModbusLink, signal: AbortSignal): Promise<Channel> {
  return link.kind === 'rtu' ? openSerial(link) : openTcp(link.host, link.port, signal);
}

function openTcp(host: string, port: number, signal: AbortSignal): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    const channel = channelOf(socket, (closed) => socket.once('close', closed).destroy());
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
      reject(unreachable(`cannot connect to ${host}:${port}: ${reason}`));
    });
  });
}

type Serial = Extract<ModbusLink, { kind: 'rtu' }>;

/** The serial library is native code: loaded only where there is a serial port. */
async function openSerial({ kind: _kind, ...settings }: Serial): Promise<Channel> {
  const { SerialPort } = await import('serialport');
  return new Promise((resolve, reject) => {
    const port = new SerialPort({ ...settings, autoOpen: false });
    port.open((error) => {
      if (error !== null) {
        reject(unreachable(`cannot open ${settings.path}: ${error.message}; ${hint(error.message)}`));
        return;
      }
      resolve(channelOf(port, (closed) => port.close(closed)));
    });
  });
}

const hint = (message: string): string =>
  /permission|EACCES/i.test(message)
    ? 'give the user of the agent the right to it (on Debian: group dialout)'
    : /lock|busy/i.test(message)
      ? 'another program uses it'
      : 'is it plugged in, and is the path right?';

const unreachable = (message: string): FieldlineError => new FieldlineError('device/unreachable', message);

function channelOf(stream: Duplex, close: (closed: () => void) => void): Channel {
  let open = true;
  let resolveEnded: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    resolveEnded = resolve;
  });
  const end = (reason: string): void => {
    if (!open) return;
    open = false;
    if (stream.closed) resolveEnded(reason);
    else close(() => resolveEnded(reason));
  };
  stream.on('error', (error) => end(error.message));
  stream.once('end', () => end('the other side closed the connection'));
  stream.once('close', () => end('the connection was closed'));
  return { stream, isOpen: () => open, end, ended };
}
