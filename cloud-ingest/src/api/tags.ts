/** The dictionary: what series there are and what is known of each. */
import { qualities, valueTypes } from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { seriesCursor, seriesFilterSql, seriesFilterValues, seriesListQuery, seriesOrder } from './series-filter.ts';
import { qualityOf, qualitySchema } from './value.ts';

export const tagSchema = z
  .strictObject({
    seriesId: z.int(),
    gateway: z.string(),
    device: z.string(),
    tag: z.string(),
    type: z.enum(valueTypes),
    unit: z.string().nullable(),
    description: z.string().nullable(),
    minimum: z.number().nullable(),
    maximum: z.number().nullable(),
    described: z
      .boolean()
      .describe(
        'whether the gateway has announced the tag, or an operator described it; false for what arrived and nobody knows',
      ),
  })
  .meta({ id: 'Tag' });
export type Tag = z.infer<typeof tagSchema>;

const qualityMeaningSchema = qualitySchema.extend({ meaning: z.string() }).meta({ id: 'QualityMeaning' });
export type QualityMeaning = z.infer<typeof qualityMeaningSchema>;

const qualityMeanings: QualityMeaning[] = Object.values(qualities).map(({ code, meaning }) => ({
  ...qualityOf(code),
  meaning,
}));

const tagRows = `
  select s.series_id as "seriesId", s.gateway, s.device, s.tag, s.type, s.unit, s.description, s.minimum, s.maximum, s.described
  from series s where ${seriesFilterSql} ${seriesOrder} limit $5`;

export function tagRoutes(http: Http, database: Database): void {
  http.get(
    '/api/v1/tags',
    {
      schema: {
        summary: 'Tags with unit, limits and description, in pages',
        tags: ['field'],
        querystring: seriesListQuery,
        response: replies(pageSchema(tagSchema)),
      },
    },
    async ({ query }) => {
      const rows = await database.query<Tag>(tagRows, seriesFilterValues(query));
      return pageOf(rows, query.limit, seriesCursor, (row) => row);
    },
  );

  http.get(
    '/api/v1/qualities',
    {
      schema: {
        summary: 'What each quality means',
        tags: ['field'],
        querystring: z.strictObject({}),
        response: replies(z.strictObject({ items: z.array(qualityMeaningSchema) })),
      },
    },
    async () => ({ items: qualityMeanings }),
  );
}
