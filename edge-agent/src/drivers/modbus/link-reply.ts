import type { Micros } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { Reply } from './reply.ts';
import type { Silence } from './unit-guard.ts';

/** Gateway path unavailable, gateway target device failed to respond (Application Protocol v1.1b3, 7). */
const noPath = 0x0a;
const targetSilent = 0x0b;

/** `silent`: not asked at all, because the unit has not answered for a while. */
export type LinkReply = (Reply | { readonly kind: 'silent'; readonly because: Silence }) & {
  /** The middle of the round trip, as far as the event loop was free to see its end; where there was none, now. */
  readonly time: Micros;
  /** When the reply was here, as far as was seen, or known not to come. */
  readonly end: Micros;
};

/** Why there was no answer; null: there was one, be it damaged, or nobody could be asked. */
export function silenceOf(reply: Reply): Silence | null {
  if (reply.kind === 'garbled') return reply.isDamaged ? null : 'garbled';
  if (reply.kind === 'timeout') return 'timeout';
  return reply.kind === 'exception' && reply.code === targetSilent ? 'timeout' : null;
}

/** Whether the unit itself says something that can be read. */
export const isAnswer = (reply: Reply): boolean =>
  reply.kind === 'data' || (reply.kind === 'exception' && reply.code !== noPath && reply.code !== targetSilent);

/** Times of what was not asked. */
export function without(clock: Clock): { readonly time: Micros; readonly end: Micros } {
  const time = clock.now();
  return { time, end: time };
}
