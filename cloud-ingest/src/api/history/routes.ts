/** GET /api/v1/history */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Clock } from '@fieldline/shared/runtime';
import type { Database } from '../database.ts';
import { type Http, replies } from '../http.ts';
import { notFound, RequestError } from '../problem.ts';
import type { Tag } from '../tags.ts';
import { readHistory } from './read.ts';
import { type HistoryQuery, historyQuery, historySchema } from './schemas.ts';

const defaultRangeUs = 3_600_000_000;

export function historyRoutes(http: Http, database: Database, clock: Clock, retention: DatabaseConfig): void {
  http.get(
    '/api/v1/history',
    {
      schema: {
        summary: 'Values of one tag over a range of time, in at most about maxPoints points',
        description:
          'Raw samples where maxPoints is enough for them; else points with mean, minimum and maximum, made of raw rows ' +
          'or of the stored summaries of a minute, an hour or a day: the answer says which.',
        tags: ['values'],
        querystring: historyQuery,
        response: replies(historySchema),
      },
    },
    async ({ query }) => {
      const now = clock.now();
      const to = query.to ?? now;
      const from = query.from ?? to - defaultRangeUs;
      if (from >= to) throw new RequestError('request/invalid', 'cannot use from', [fromIsLate]);
      const series = await findSeries(database, query);
      return readHistory(database, series, { from, to }, query.maxPoints, retention, now);
    },
  );
}

const fromIsLate = { parameter: 'from', message: 'must be before `to`' };

async function findSeries(database: Database, { seriesId, gateway, device, tag }: HistoryQuery): Promise<Tag> {
  const [series] = await database.query<Tag>(
    `select series_id as "seriesId", gateway, device, tag, type, unit, description, minimum, maximum, described
     from series where series_id = $1 or (gateway = $2 and device = $3 and tag = $4)`,
    [seriesId ?? null, gateway ?? null, device ?? null, tag ?? null],
  );
  if (series !== undefined) return series;
  const name = seriesId === undefined ? `${gateway}/${device}/${tag}` : `with seriesId ${seriesId}`;
  throw notFound(`no series ${name}; GET /api/v1/tags lists them`);
}
