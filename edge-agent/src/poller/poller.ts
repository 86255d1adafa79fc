import { qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import type { PollRequest } from '../drivers/driver.ts';
import { Agenda } from './agenda.ts';
import { MissedTurns } from './missed-turns.ts';
import { createSleeper } from './sleeper.ts';
import { advance, type Entry, timetable, wantedMs } from './timetable.ts';

/** A link that is down answers without waiting: after so many reads it lets the others run. */
const maxReadsInARow = 16;
/** Timers count whole ms: a turn this near is now. */
const nearMs = 0.5;

const notConnected = qualityCode('bad/not-connected');
/** Where nobody was there at a turn, it is looked again this much later, so that who comes back is not first read an hour later. */
const againAfterMs = 2_000;

const latenessBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export type PollerParts = {
  readonly clock: Clock;
  /** Called with the samples of one turn at a time. */
  readonly onSamples: (samples: readonly Sample[]) => void;
  readonly metrics: Metrics;
  readonly log: Log;
};

export type Poller = {
  /** Begins with these at once. Links of a later call are others than those of the calls before. */
  readonly start: (requests: readonly PollRequest[]) => void;
  /**
   * From the next turn of a link on, these are all that is read there. Those that it had keep their turns, new ones are read as soon
   * as it is free, since what they took the place of may be due already.
   */
  readonly replace: (link: string, requests: readonly PollRequest[]) => void;
  /** Which links are asked for more than they, or this machine, can carry; null where none is. */
  readonly note: () => string | null;
  /** Waits for the reads that are running; they end early. Idempotent. */
  readonly close: () => Promise<void>;
};

/**
 * Decides when each request is read. Requests of one link run one after another, in the order of `agenda.ts`; links run side by side,
 * so a slow one holds up nobody else. Turns lie on a fixed grid, so that a late read delays no later one.
 */
export function createPoller({ clock, onSamples, metrics, log }: PollerParts): Poller {
  const missed = new MissedTurns(metrics, log);
  const lateness = metrics.histogram(
    'fieldline_poller_lateness_seconds',
    'How long after its turn a request was begun',
    latenessBuckets,
  );
  const closing = new AbortController();
  const sleeper = createSleeper();
  const links: Promise<void>[] = [];
  const replacements = new Map<string, readonly PollRequest[]>();

  async function runLink(link: string, entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    let agenda = new Agenda(entries);
    let readsInARow = 0;
    while (!signal.aborted && !agenda.isEmpty) {
      if (replacements.size > 0) agenda = replaced(link, agenda);
      const nowMs = clock.monotonicMs();
      const entry = agenda.take(nowMs + nearMs);
      if (entry === undefined) {
        await sleeper.sleep(agenda.nextDueMs, nowMs);
        readsInARow = 0;
        continue;
      }
      lateness.observe(Math.max(0, nowMs - wantedMs(entry)) / 1_000);
      const isTurn = entry.againMs === null;
      const isThere = await readNow(entry.request, isTurn, signal);
      const endedMs = clock.monotonicMs();
      if (isTurn) missed.count(link, entry.request, advance(entry, nowMs, endedMs), endedMs);
      const againMs = endedMs + againAfterMs;
      entry.againMs = isThere || againMs >= entry.dueMs ? null : againMs;
      agenda.took(entry, endedMs - nowMs);
      agenda.add(entry);
      readsInARow += 1;
      if (readsInARow % maxReadsInARow === 0) await letOthersRun();
    }
  }

  /**
   * Tells whether the device was there: that it was not is a sample once a turn. Apart from the loop, whose frame would keep the samples
   * of each link alive until its next turn.
   */
  async function readNow(request: PollRequest, isTurn: boolean, signal: AbortSignal): Promise<boolean> {
    const samples = await request.read(signal);
    const isThere = samples.length === 0 || samples.some(({ quality }) => quality !== notConnected);
    if (isThere || isTurn) onSamples(samples);
    return isThere;
  }

  function replaced(link: string, agenda: Agenda): Agenda {
    const requests = replacements.get(link);
    if (requests === undefined) return agenda;
    replacements.delete(link);
    const wanted = new Set(requests);
    const stay = agenda.entries.filter(({ request }) => wanted.has(request));
    const known = new Set(stay.map(({ request }) => request));
    const added = requests.filter((request) => !known.has(request));
    return new Agenda([...stay, ...timetable(added, clock.monotonicMs(), 0)]);
  }

  return {
    start: (requests) => {
      const queues = new Map<string, Entry[]>();
      for (const entry of timetable(requests, clock.monotonicMs())) {
        const entries = queues.get(entry.request.link) ?? [];
        queues.set(entry.request.link, entries);
        entries.push(entry);
      }
      for (const [link, entries] of queues) links.push(runLink(link, entries, closing.signal));
    },
    replace: (link, requests) => void replacements.set(link, requests),
    note: () => missed.note(clock.monotonicMs()),
    close: async () => {
      closing.abort();
      sleeper.wakeAll();
      await Promise.all(links);
    },
  };
}

const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
