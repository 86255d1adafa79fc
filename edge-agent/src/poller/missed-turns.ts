import type { Log, Metrics } from '@fieldline/shared/runtime';
import type { PollRequest } from '../drivers/driver.ts';

/** A link that misses turns is spoken of at most this often in the log; the counter tells all. */
const logEveryMs = 60_000;
/** A link that has missed none for so long has caught up. */
const recentMs = 60_000;

/** Of a link, since it began to miss turns. */
type Busy = { turns: number; unsaid: number; sinceMs: number; lastMs: number; notBeforeMs: number };

/** Turns in which nobody read, since their link was still busy: counted, logged, and told while it goes on. */
export class MissedTurns {
  private readonly counter;
  private readonly log: Log;
  private readonly busy = new Map<string, Busy>();

  constructor(metrics: Metrics, log: Log) {
    this.log = log;
    this.counter = metrics.counter(
      'fieldline_poller_missed_total',
      'Turns that were skipped because the link was still busy; no sample was taken, so none is lost',
      ['link', 'class'],
    );
  }

  /** `nowMs`: of the monotonic clock. */
  count(link: string, { name, everyMs, class: tagClass }: PollRequest, turns: number, nowMs: number): void {
    if (turns === 0) return;
    this.counter.inc({ link, class: tagClass }, turns);
    const busy = this.recent(link, nowMs) ?? { turns: 0, unsaid: 0, sinceMs: nowMs, lastMs: nowMs, notBeforeMs: nowMs };
    this.busy.set(link, busy);
    busy.turns += turns;
    busy.unsaid += turns;
    busy.lastMs = nowMs;
    if (nowMs < busy.notBeforeMs) return;
    this.log.warn(
      { link, turns: busy.unsaid, request: name, everyMs },
      'turns missed: the link, or this machine, is too busy',
    );
    busy.unsaid = 0;
    busy.notBeforeMs = nowMs + logEveryMs;
  }

  /** Which links miss turns at present; null where none does. */
  note(nowMs: number): string | null {
    const notes = [...this.busy.keys()].flatMap((link) => {
      const busy = this.recent(link, nowMs);
      if (busy === null) return [];
      const seconds = Math.ceil((nowMs - busy.sinceMs) / 1_000);
      return [`${link} has missed ${busy.turns} turns within ${seconds} s: it, or this machine, is too busy`];
    });
    return notes.length === 0 ? null : notes.join('; ');
  }

  private recent(link: string, nowMs: number): Busy | null {
    const busy = this.busy.get(link);
    if (busy === undefined || nowMs - busy.lastMs <= recentMs) return busy ?? null;
    this.busy.delete(link);
    return null;
  }
}
