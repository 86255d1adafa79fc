/**
 * One client's bytes in, answers out, in order. While an answer is held back the requests behind it wait as bytes, and
 * beyond `maxWaitingBytes` the client is not read from.
 */
import type { Bus } from './bus.ts';
import type { Framing, Request } from './framing.ts';

const maxWaitingBytes = 64 * 1024;
/** Longer than the pauses that TCP, adapters and ptys put into a frame. */
const silenceMs = 100;

/** The other end, as a TCP socket or a serial port offers it. */
export type Peer = {
  readonly write: (bytes: Buffer) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly disconnect: () => void;
};

export type Conversation = { readonly receive: (bytes: Buffer) => void; readonly end: () => void };

export function createConversation(bus: Bus, framing: Framing, peer: Peer): Conversation {
  let held: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;
  let hasEnded = false;

  const end = (): void => {
    hasEnded = true;
    clearTimeout(held);
    clearTimeout(silence);
  };
  const disconnect = (): void => {
    end();
    peer.disconnect();
  };
  const handle = (request: Request): void => {
    const { delayMs, respond } = bus.receive(request);
    const finish = (): void => {
      const response = respond();
      if (response.kind === 'reply') peer.write(response.bytes);
      else if (response.kind === 'disconnect') disconnect();
    };
    if (delayMs === 0) {
      finish();
      return;
    }
    held = setTimeout(() => {
      held = undefined;
      finish();
      peer.resume();
      drain();
    }, delayMs);
  };
  const drain = (): void => {
    while (held === undefined && !hasEnded) {
      const request = framing.next();
      if (request === 'broken') disconnect();
      if (request === 'broken' || request === null) break;
      handle(request);
    }
    if (held === undefined && !hasEnded && framing.size > 0) silence = setTimeout(onSilence, silenceMs);
  };
  const onSilence = (): void => {
    const request = framing.silence();
    if (request === null) return;
    handle(request);
    drain();
  };
  return {
    receive: (bytes) => {
      clearTimeout(silence);
      framing.push(bytes);
      if (held === undefined) drain();
      else if (framing.size > maxWaitingBytes) peer.pause();
    },
    end,
  };
}
