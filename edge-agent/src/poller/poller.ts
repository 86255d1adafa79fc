import type { Sample } from '@fieldline/shared/contracts';
import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import type { PollRequest } from '../drivers/driver.ts';
import { createSleeper } from './sleeper.ts';
import { advance, DueQueue, timetable } from './timetable.ts';

/** A link that is down answers without waiting: after so many reads it lets the others run. */
const maxReadsInARow = 16;
/** Timers count whole ms: a turn this near is now. */
const nearMs = 0.5;

/** A link that misses turns is spoken of at most this often; the counter tells all. */
const logEveryMs = 60_000;

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
  /** Waits for the reads that are running; they end early. Idempotent. */
  readonly close: () => Promise<void>;
};

/**
 * Decides when each request is read. Requests of one link run one after another, the one that is due first at first; links run
 * side by side, so a slow one holds up nobody else. Turns lie on a fixed grid, so that a late read delays no later one.
 */
export function createPoller({ clock, onSamples, metrics, log }: PollerParts): Poller {
  const missed = metrics.counter(
    'fieldline_poller_missed_total',
    'Turns that were skipped because the link was still busy; no sample was taken, so none is lost',
    ['link'],
  );
  const lateness = metrics.histogram(
    'fieldline_poller_lateness_seconds',
    'How long after its turn a request was begun',
    latenessBuckets,
  );
  const closing = new AbortController();
  const toLog = new Map<string, { turns: number; notBeforeMs: number }>();
  const sleeper = createSleeper();
  const links: Promise<void>[] = [];

  async function runLink(link: string, queue: DueQueue, signal: AbortSignal): Promise<void> {
    let readsInARow = 0;
    for (let entry = queue.first; entry !== undefined && !signal.aborted; entry = queue.first) {
      const waitMs = entry.dueMs - clock.monotonicMs();
      if (waitMs > nearMs) {
        await sleeper.sleep(waitMs);
        readsInARow = 0;
        continue;
      }
      lateness.observe(Math.max(0, -waitMs) / 1_000);
      onSamples(await entry.request.read(signal));
      const nowMs = clock.monotonicMs();
      countMissed(link, entry.request, advance(entry, nowMs), nowMs);
      queue.sinkFirst();
      readsInARow += 1;
      if (readsInARow % maxReadsInARow === 0) await letOthersRun();
    }
  }

  function countMissed(link: string, { name, everyMs }: PollRequest, turns: number, nowMs: number): void {
    if (turns === 0) return;
    missed.inc({ link }, turns);
    const unsaid = toLog.get(link) ?? { turns: 0, notBeforeMs: nowMs };
    toLog.set(link, unsaid);
    unsaid.turns += turns;
    if (nowMs < unsaid.notBeforeMs) return;
    log.warn(
      { link, turns: unsaid.turns, request: name, everyMs },
      'turns missed: the link, or this machine, is too busy',
    );
    unsaid.turns = 0;
    unsaid.notBeforeMs = nowMs + logEveryMs;
  }

  return {
    start: (requests) => {
      const queues = new Map<string, ReturnType<typeof timetable>>();
      for (const entry of timetable(requests, clock.monotonicMs())) {
        const entries = queues.get(entry.request.link) ?? [];
        queues.set(entry.request.link, entries);
        entries.push(entry);
      }
      for (const [link, entries] of queues) links.push(runLink(link, new DueQueue(entries), closing.signal));
    },
    close: async () => {
      closing.abort();
      sleeper.wakeAll();
      await Promise.all(links);
    },
  };
}

const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
