/**
 * The live feed: one loop reads what changed, at most every half second and only while somebody listens, and writes it to
 * all. A new listener first gets all latest values that it asked for, page by page as its connection takes them.
 */
import { type Clock, createBackoff, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import { isoOf } from '../../instant.ts';
import type { Database } from '../database.ts';
import { type LatestRow, latestOf, latestSql } from '../latest.ts';
import { pageOf } from '../page-of.ts';
import { RequestError } from '../problem.ts';
import { seriesCursor, seriesFilterSql, seriesFilterValues, seriesOrder } from '../series-filter.ts';
import { followChanges } from './changes.ts';
import { type LiveClient, latestEvent, wants } from './client.ts';
import type { Commits } from './commits.ts';
import type { Latch } from './latch.ts';

export const maxClients = 200;
const everyMs = 500;
/** Without a word from the database, look all the same. */
const quietMs = 5_000;
const heartbeatMs = 15_000;
const firstPageSize = 1_000;

export type Feed = {
  /** @throws RequestError request/busy when as many listen as may */
  readonly requirePlace: () => void;
  readonly join: (client: LiveClient) => void;
  readonly leave: (client: LiveClient) => void;
  readonly close: () => Promise<void>;
};

export type FeedParts = {
  readonly database: Database;
  readonly commits: Commits;
  /** Set at every commit. */
  readonly wake: Latch;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

export function createFeed({ database, commits, wake, clock, log, metrics }: FeedParts): Feed {
  const clients = new Set<LiveClient>();
  const stop = new AbortController();
  let running: Promise<void> | null = null;
  const listening = metrics.gauge('fieldline_api_live_clients', 'Listeners of the live feed');
  const dropped = metrics.counter('fieldline_api_live_dropped_total', 'Listeners dropped because they were too slow');
  const refused = metrics.counter('fieldline_api_live_refused_total', 'Listeners refused because too many listen');

  const forget = (client: LiveClient): void => {
    if (clients.delete(client)) listening.set(clients.size);
  };
  const send = (client: LiveClient, text: string): void => {
    if (client.send(text)) return;
    dropped.inc();
    log.warn('a listener of the live feed was too slow and is dropped; it may connect again');
    forget(client);
  };

  const sendChanges = (rows: readonly LatestRow[]): void => {
    if (rows.length === 0) return;
    const now = clock.now();
    const items = rows.map((row) => ({ row, json: JSON.stringify(latestOf(row, now)) }));
    for (const client of clients) {
      const wanted = items.filter(({ row }) => wants(client.filter, row));
      if (wanted.length > 0)
        send(
          client,
          latestEvent(
            isoOf(now),
            wanted.map(({ json }) => json),
          ),
        );
    }
  };

  const sendFirstValues = async (client: LiveClient): Promise<void> => {
    while (client.after !== null && clients.has(client) && (await client.drained(everyMs))) {
      const query = { ...client.filter, limit: firstPageSize, after: client.after === '' ? undefined : client.after };
      const rows = await database.query<LatestRow>(
        `${latestSql} where ${seriesFilterSql} ${seriesOrder} limit $5`,
        seriesFilterValues(query),
      );
      const now = clock.now();
      const page = pageOf(rows, firstPageSize, seriesCursor, (row) => JSON.stringify(latestOf(row, now)));
      client.after = page.next;
      send(client, latestEvent(isoOf(now), page.items));
    }
  };

  const run = async (): Promise<void> => {
    const backoff = createBackoff({ firstMs: everyMs, maxMs: 10_000 });
    const changes = followChanges(database, clock);
    let isAway = false;
    while (clients.size > 0 && !stop.signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        await commits.ensure();
        sendChanges(await changes.read());
        await Promise.all([...clients].map(sendFirstValues));
        if (isAway) log.info('the live feed goes on');
        isAway = false;
        backoff.reset();
      } catch (error) {
        if (!isAway) log.warn({ err: error }, 'the live feed waits for the database');
        isAway = true;
        await pause(backoff.next(), stop.signal);
        continue;
      }
      const isFilling = [...clients].some(({ after }) => after !== null);
      await wake.wait(isFilling ? everyMs : quietMs);
      await pause(Math.max(0, startedMs + everyMs - clock.monotonicMs()), stop.signal);
    }
  };

  const start = (): void => {
    running ??= run().finally(() => {
      running = null;
      // Somebody may have joined while the loop was on its way out.
      if (clients.size > 0 && !stop.signal.aborted) start();
    });
  };

  const beat = setInterval(() => {
    for (const client of clients) client.keepAlive();
  }, heartbeatMs);
  beat.unref();

  return {
    requirePlace: () => {
      if (clients.size < maxClients) return;
      refused.inc();
      throw new RequestError('request/busy', `${maxClients} listen already, which is the bound`);
    },
    join: (client) => {
      clients.add(client);
      listening.set(clients.size);
      wake.set();
      start();
    },
    leave: forget,
    close: async () => {
      stop.abort();
      clearInterval(beat);
      for (const client of clients) client.end();
      clients.clear();
      wake.set();
      await running;
      await commits.close();
    },
  };
}
