import { connect, type Socket } from 'node:net';
import type { Line, OnPeer } from './line.ts';

export type DialInSettings = {
  readonly host: string;
  readonly port: number;
  readonly registration: string;
  readonly heartbeat: string;
  readonly heartbeatMs: number;
  readonly redialMs: number;
};

/** Dials a gateway as a modem does: says who it is, answers what it is asked, and dials again when the line is lost. */
export function createDialInLine(settings: DialInSettings, onPeer: OnPeer): Line {
  const { host, port, registration, heartbeat, heartbeatMs, redialMs } = settings;
  let socket: Socket | undefined;
  let redial: NodeJS.Timeout | undefined;
  let isUp = false;

  const dial = (): void => {
    const next = connect({ host, port, noDelay: true });
    socket = next;
    const conversation = onPeer({
      write: (bytes) => void next.write(bytes),
      pause: () => void next.pause(),
      resume: () => void next.resume(),
      disconnect: () => void next.destroy(),
    });
    let beating: NodeJS.Timeout | undefined;
    next.once('connect', () => {
      if (registration !== '') next.write(registration);
      if (heartbeat !== '') beating = setInterval(() => next.write(heartbeat), heartbeatMs);
    });
    next.on('data', conversation.receive);
    // A gateway that is not there yet: `close` follows.
    next.on('error', () => {});
    next.once('close', () => {
      conversation.end();
      clearInterval(beating);
      if (isUp) redial = setTimeout(dial, redialMs);
    });
  };
  return {
    up: () => {
      isUp = true;
      dial();
      return Promise.resolve();
    },
    down: () => {
      isUp = false;
      clearTimeout(redial);
      socket?.destroy();
      return Promise.resolve();
    },
    address: { host, port, url: `dials tcp://${host}:${port}` },
  };
}
