import { setTimeout as sleep } from 'node:timers/promises';
import type { SerialLink } from '@fieldline/shared/config';
import type { SerialPort } from 'serialport';
import { type Channel, streamChannel, unreachable } from './channel.ts';

/**
 * The serial library is native code: loaded only where there is a serial port.
 * @throws FieldlineError device/unreachable
 */
export async function openSerial({ path, baudRate, parity, dataBits, stopBits, rs485 }: SerialLink): Promise<Channel> {
  const library = await import('serialport');
  const port = new library.SerialPort({ path, baudRate, parity, dataBits, stopBits, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => {
      if (error === null) resolve();
      else reject(unreachable(`cannot open ${path}: ${reasonOf(error)}; ${hint(error.message)}`));
    });
  });
  const channel = channelOf(port, path, rs485);
  endOnHangUp(port, channel);
  return channel;
}

function channelOf(port: SerialPort, path: string, rs485: SerialLink['rs485']): Channel {
  const close = (closed: () => void): void => port.close(closed);
  if (rs485 === undefined) return streamChannel(port, close);
  const send = halfDuplex(port, rs485);
  const channel: Channel = streamChannel(port, close, (bytes) => {
    send(bytes).catch((error: Error) => channel.end(cannotSwitch(path, error)));
  });
  return channel;
}

/**
 * A port that has hung up, as when its adapter is pulled out, reads as nothing for ever. Where that happens while the library reads, and
 * not while it waits, it reads again and again with all the time that a core has, and tells nobody. What waits beside it is told.
 */
function endOnHangUp({ port: binding }: SerialPort, channel: Channel): void {
  // On Windows there is none, and reading fails.
  if (binding === undefined || !('poller' in binding)) return;
  binding.poller.once('disconnect', () => channel.end('the port has hung up; is its adapter plugged in?'));
}

/** The library says again that it is an error, and what it could not open. */
const reasonOf = ({ message }: Error): string => message.replace(/^Error: /, '').replace(/, cannot open .*/, '');

const hint = (message: string): string =>
  /permission|EACCES/i.test(message)
    ? 'give the user of the agent the right to it (on Debian: group dialout)'
    : /lock|busy/i.test(message)
      ? 'another program uses it'
      : /ioctl/i.test(message)
        ? 'it is no serial port, or one without this baud rate: is the path right?'
        : 'is it plugged in, and is the path right?';

const cannotSwitch = (path: string, error: Error): string =>
  `RTS of ${path} cannot be switched: ${error.message}; leave out rs485 where the adapter or the kernel switches by itself`;

/** What of a serial port it takes to switch a transceiver. */
export type Switched = {
  readonly set: (signals: { readonly rts: boolean }, done: (error: Error | null) => void) => void;
  readonly write: (bytes: Buffer) => unknown;
  readonly drain: (done: (error: Error | null) => void) => void;
};

/** Gives what sends a frame: the transceiver is switched to sending, and back when the last byte has left. */
export function halfDuplex(port: SerialPort | Switched, { rts, beforeMs, afterMs }: NonNullable<SerialLink['rs485']>) {
  const sending = rts === 'high-while-sending';
  const level = (high: boolean): Promise<void> =>
    new Promise((resolve, reject) => port.set({ rts: high }, (error) => (error ? reject(error) : resolve())));
  const drained = (): Promise<void> =>
    new Promise((resolve, reject) => port.drain((error) => (error ? reject(error) : resolve())));
  return async (bytes: Buffer): Promise<void> => {
    await level(sending);
    if (beforeMs > 0) await sleep(beforeMs);
    port.write(bytes);
    await drained();
    if (afterMs > 0) await sleep(afterMs);
    await level(!sending);
  };
}
