/** The role `api`: puts the routes, the live feed and the page together and listens. */
import type { AddressInfo } from 'node:net';
import type { IngestConfig } from '@fieldline/shared/config';
import { type Clock, type Health, Lifecycle, type Log, listenError, type Metrics } from '@fieldline/shared/runtime';
import { balanceRoutes } from './balance.ts';
import { completenessRoutes } from './completeness.ts';
import { type Database, openDatabase } from './database.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { gatewayRoutes } from './gateways.ts';
import { historyRoutes } from './history/routes.ts';
import { createHttp, type Http } from './http.ts';
import { latestRoutes } from './latest.ts';
import { openCommits } from './live/commits.ts';
import { createFeed } from './live/feed.ts';
import { createLatch } from './live/latch.ts';
import { liveRoutes } from './live/routes.ts';
import { lossRoutes } from './losses.ts';
import { describeApi } from './openapi.ts';
import { servePage } from './page.ts';
import { missingRights } from './rights.ts';
import { tagRoutes } from './tags.ts';
import { guard, readToken } from './token.ts';

export type ApiParts = {
  readonly config: IngestConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
};

export type Api = { readonly port: number; readonly url: string; readonly close: () => Promise<void> };

const probeEveryMs = 5_000;

/** @throws FieldlineError port/in-use, settings/unreadable, settings/invalid */
export async function startApi({ config, clock, log, metrics, health }: ApiParts): Promise<Api> {
  const token = readToken(config.api);
  const lifecycle = new Lifecycle();
  const http = createHttp(log);
  const database = openDatabase(config.database);
  lifecycle.add('database', database.close);
  const wake = createLatch();
  const commits = openCommits(config.database, wake.set);
  const feed = createFeed({ database, commits, wake, clock, log, metrics });

  measure(http, metrics);
  await servePage(http);
  guard(http, token);
  await describeApi(http);
  gatewayRoutes(http, database);
  tagRoutes(http, database);
  latestRoutes(http, database, clock);
  historyRoutes(http, database, clock, config.database);
  completenessRoutes(http, database);
  balanceRoutes(http, database, clock);
  deadLetterRoutes(http, database);
  lossRoutes(http, database);
  liveRoutes(http, feed);

  lifecycle.add('http', () => http.close());
  lifecycle.add('live feed', feed.close);
  lifecycle.add('probe', watch(database, config.database.schema, health));
  const { host, port } = config.api;
  try {
    await http.listen({ host, port });
  } catch (error) {
    await lifecycle.close();
    throw listenError(error as NodeJS.ErrnoException, host, port);
  }
  const listening = (http.server.address() as AddressInfo).port;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const url = `http://${name}:${listening}`;
  log.info({ url, token: token !== null }, 'the API answers');
  return { port: listening, url, close: () => lifecycle.close() };
}

function measure(http: Http, metrics: Metrics): void {
  const seconds = metrics.histogram(
    'fieldline_api_request_seconds',
    'Time to answer a request',
    [0.005, 0.02, 0.1, 0.5, 2, 10],
    ['route', 'status'],
  );
  http.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    seconds.observe({ route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
  });
}

/**
 * Asks the database now and then, so that readiness is known before somebody needs it: whether it is there, and may be read.
 * Returns what ends it.
 */
function watch(database: Database, schema: string, health: Health): () => void {
  let missing: string | null = 'the database has not answered yet';
  health.ready.push({ name: 'api database', trouble: () => database.trouble() ?? missing });
  const probe = (): void => {
    // What goes wrong is kept by the database itself, as its trouble.
    missingRights(database, schema).then(
      (found) => {
        missing = found;
      },
      () => undefined,
    );
  };
  probe();
  const timer = setInterval(probe, probeEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
