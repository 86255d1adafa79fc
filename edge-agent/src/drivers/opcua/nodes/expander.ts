/**
 * Looks what the patterns of devices stand for, at each connect and now and then, and tells it to who makes tags of it. What goes wrong
 * costs nobody a session: it is told, and tried again on a growing timer.
 */
import type { OpcuaDevice } from '@fieldline/shared/config';
import { type BackoffOptions, createBackoff, pause, untilAborted } from '@fieldline/shared/runtime';
import type { DriverContext } from '../../driver.ts';
import type { Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { expandPatterns } from './expand.ts';
import type { Found } from './found-tags.ts';

/** Gives what could not be taken, in words for the operator. */
export type TakeFound = (device: OpcuaDevice, found: Found) => readonly string[];

export type Expander = {
  /** Until the signal is aborted. */
  readonly run: (session: Session, facts: ServerFacts, signal: AbortSignal) => Promise<never>;
  /** null when all patterns give tags. */
  readonly note: () => string | null;
};

/** Some servers get nodes while they run, and nobody says so. */
const lookAgainEveryMs = 600_000;
/** More in one line help nobody. */
const mostProblems = 5;

export function createExpander(
  devices: readonly OpcuaDevice[],
  log: DriverContext['log'],
  take: TakeFound,
  retry: BackoffOptions,
): Expander {
  const patterned = devices.filter(({ patterns }) => patterns.length > 0);
  const notes = new Map<string, string>();

  const noteProblems = (device: string, problems: readonly string[]): void => {
    const more = problems.length > mostProblems ? `; and ${problems.length - mostProblems} more` : '';
    const text =
      problems.length === 0 ? '' : `patterns of ${device}: ${problems.slice(0, mostProblems).join('; ')}${more}`;
    if (text !== '' && text !== notes.get(device)) log.warn({ device }, text);
    notes.set(device, text);
  };

  /** Whether it could be looked at. */
  const expand = async (
    device: OpcuaDevice,
    session: Session,
    facts: ServerFacts,
    signal: AbortSignal,
  ): Promise<boolean> => {
    try {
      const found = await expandPatterns(session, facts, device, signal);
      noteProblems(device.device, [...found.problems, ...take(device, found)]);
      return found.isWhole;
    } catch (error) {
      signal.throwIfAborted();
      noteProblems(device.device, [
        `the server could not be looked through: ${error instanceof Error ? error.message : String(error)}`,
      ]);
      return false;
    }
  };

  return {
    run: async (session, facts, signal) => {
      const backoff = createBackoff(retry);
      for (;;) {
        let isWhole = true;
        for (const device of patterned) isWhole = (await expand(device, session, facts, signal)) && isWhole;
        if (patterned.length === 0) await untilAborted(signal);
        else await pause(isWhole ? lookAgainEveryMs : backoff.next(), signal);
        signal.throwIfAborted();
      }
    },
    note: () => [...notes.values()].filter((text) => text !== '').join('; ') || null,
  };
}
