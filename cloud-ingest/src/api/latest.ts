/** The newest value of each series, as a list here and as it changes in the live feed. */
import { type Micros, type QualityCode, type ValueType, valueTypes } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { z } from 'zod';
import { microsOf } from '../instant.ts';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { seriesCursor, seriesFilterSql, seriesFilterValues, seriesListQuery, seriesOrder } from './series-filter.ts';
import { jsonValue, qualityOf, qualitySchema, valueSchema } from './value.ts';

export const latestSchema = z
  .strictObject({
    seriesId: z.int(),
    gateway: z.string(),
    device: z.string(),
    tag: z.string(),
    type: z.enum(valueTypes),
    unit: z.string().nullable(),
    time: z.iso.datetime().describe('source time of the sample'),
    ageMs: z
      .int()
      .describe('how old the sample was when this was said; negative where the clock of the gateway is ahead'),
    value: valueSchema,
    quality: qualitySchema,
    batch: z.strictObject({ stream: z.uuid().nullable(), seq: z.int() }).describe('the batch that brought it'),
  })
  .meta({ id: 'Latest' });
export type Latest = z.infer<typeof latestSchema>;

export type LatestRow = {
  seriesId: number;
  gateway: string;
  device: string;
  tag: string;
  type: ValueType;
  unit: string | null;
  time: string;
  value: number | null;
  text: string | null;
  quality: QualityCode;
  stream: string | null;
  seq: number;
  updatedAt: string;
};

/** A batch is stream number × 2^32 + seq (design, contract 10). */
export const latestSql = `
  select s.series_id as "seriesId", s.gateway, s.device, s.tag, s.type, s.unit, l.time, l.value, l.text, l.quality,
    t.stream, l.batch & 4294967295 as seq, l.updated_at as "updatedAt"
  from latest l join series s using (series_id) left join stream t on t.stream_no = (l.batch >> 32)::int4`;

const latestRows = `${latestSql} where ${seriesFilterSql} ${seriesOrder} limit $5`;

export const latestOf = (row: LatestRow, now: Micros): Latest => ({
  seriesId: row.seriesId,
  gateway: row.gateway,
  device: row.device,
  tag: row.tag,
  type: row.type,
  unit: row.unit,
  time: row.time,
  ageMs: Math.round((now - (microsOf(row.time) ?? now)) / 1_000),
  value: jsonValue(row.type, row.value, row.text),
  quality: qualityOf(row.quality),
  batch: { stream: row.stream, seq: row.seq },
});

export function latestRoutes(http: Http, database: Database, clock: Clock): void {
  http.get(
    '/api/v1/latest',
    {
      schema: {
        summary: 'The newest value of each tag, with its quality and age, in pages',
        tags: ['values'],
        querystring: seriesListQuery,
        response: replies(pageSchema(latestSchema)),
      },
    },
    async ({ query }) => {
      const rows = await database.query<LatestRow>(latestRows, seriesFilterValues(query));
      const now = clock.now();
      return pageOf(rows, query.limit, seriesCursor, (row) => latestOf(row, now));
    },
  );
}
