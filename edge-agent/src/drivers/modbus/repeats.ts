/** Requests that are asked again. What writes never is: at each poll it is sent once, whatever the device answers. */
import { type Clock, pause } from '@fieldline/shared/runtime';
import { type LinkReply, without } from './link-reply.ts';
import { isDamaged } from './reply.ts';
import type { UnitRetries } from './unit-retries.ts';

export type Repeating = {
  readonly retries: UnitRetries;
  /** Counts a repetition. */
  readonly onRepeat: () => void;
  readonly ask: () => Promise<LinkReply>;
};

/** Where the exception may pass. Between two tries the link is free for others. */
export async function whileItMayPass(
  first: LinkReply,
  { retries, onRepeat, ask }: Repeating,
  clock: Clock,
  signal: AbortSignal,
): Promise<LinkReply> {
  const sinceMs = clock.monotonicMs();
  let reply = first;
  for (let tries = 0; reply.kind === 'exception'; tries++) {
    const pauseMs = retries.pauseMs(reply.code, tries, clock.monotonicMs());
    if (pauseMs === null) {
      if (tries > 0) retries.inVain(clock.monotonicMs() - sinceMs, clock.monotonicMs());
      return reply;
    }
    if (!(await pause(pauseMs, signal))) return { kind: 'aborted', ...without(clock) };
    onRepeat();
    reply = await ask();
  }
  return reply;
}

/** What came damaged is asked once more, at once: the unit has answered, and no other reply of it is on its way. */
export async function onceMoreIfDamaged(first: LinkReply, { retries, onRepeat, ask }: Repeating): Promise<LinkReply> {
  const isRepeated = isDamaged(first) && retries.mayRepeatDamaged;
  if (isRepeated) onRepeat();
  const last = isRepeated ? await ask() : first;
  if (last.kind === 'data' || last.kind === 'exception') retries.cameWhole();
  else if (isRepeated) retries.repeatedInVain();
  return last;
}
