/** What did not go as it should, newest first: losses that gateways declared, and anomalies that the ledger noticed. */
import { lossReasons, tagClasses } from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { gatewayParameter, pageParameters } from './parameters.ts';

const instant = z.iso.datetime();

export const declarationSchema = z
  .strictObject({
    id: z.int(),
    gateway: z.string(),
    declaredAt: instant,
    kind: z.string().describe('batches: numbers that will not come; series: what never got a number'),
    reason: z.string().describe(`one of ${lossReasons.join(', ')}`),
    samples: z.int().nullable().describe('null where the gateway cannot know how many'),
    stream: z.uuid().nullable().describe('of the batches that are lost'),
    class: z
      .enum(tagClasses)
      .nullable()
      .describe(
        'of that stream, and of the one whose batches were thinned; null where other series are lost, which name their tags',
      ),
    fromSeq: z.int().nullable(),
    toSeq: z.int().nullable(),
    device: z.string().nullable().describe('null: all devices'),
    tag: z.string().nullable().describe('null: all tags'),
    fromTime: instant.nullable(),
    toTime: instant.nullable(),
  })
  .meta({ id: 'Declaration' });
export type Declaration = z.infer<typeof declarationSchema>;

export const anomalySchema = z
  .strictObject({
    id: z.int(),
    at: instant,
    gateway: z.string().nullable(),
    kind: z.string().describe('e.g. forked-stream: two contents under one identity, as a cloned card makes them'),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Anomaly' });
export type Anomaly = z.infer<typeof anomalySchema>;

const declarationRows = `
  select d.id, s.gateway, d.declared_at as "declaredAt", d.kind, d.reason, d.samples, d.target_stream as stream,
    case when d.reason = 'thinned' then s.class else lost.class end as class, d.from_seq as "fromSeq", d.to_seq as "toSeq", d.device, d.tag, d.from_time as "fromTime", d.to_time as "toTime"
  from declaration d join stream s using (stream_no) left join stream lost on lost.stream = d.target_stream
  where ($1::text is null or s.gateway = $1) and ($2::int8 is null or d.id < $2) order by d.id desc limit $3`;

const anomalyRows = `
  select id, at, gateway, kind, details from anomaly
  where ($1::text is null or gateway = $1) and ($2::int8 is null or id < $2) order by id desc limit $3`;

const declarationCount =
  'select count(*) as total from declaration d join stream s using (stream_no) where $1::text is null or s.gateway = $1';
const anomalyCount = 'select count(*) as total from anomaly where $1::text is null or gateway = $1';

const newestFirstQuery = z.strictObject({
  gateway: gatewayParameter.optional(),
  limit: pageParameters.limit,
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'must be `next` of the page before')
    .optional()
    .describe('`next` of the page before'),
});
type NewestFirst = z.output<typeof newestFirstQuery>;

const listOf = <Item extends z.ZodType>(item: Item) =>
  pageSchema(item).extend({ total: z.int().describe('how many there are of the gateways asked for') });

export function lossRoutes(http: Http, database: Database): void {
  const newest = async <Row extends { id: number }>(
    rowsSql: string,
    countSql: string,
    { gateway, limit, after }: NewestFirst,
  ) => {
    const rows = await database.query<Row>(rowsSql, [gateway ?? null, after ?? null, limit + 1]);
    const [count] = await database.query<{ total: number }>(countSql, [gateway ?? null]);
    return {
      ...pageOf(
        rows,
        limit,
        ({ id }) => String(id),
        (row) => row,
      ),
      total: count?.total ?? 0,
    };
  };

  http.get(
    '/api/v1/declarations',
    {
      schema: {
        summary: 'Losses that gateways declared, newest first, in pages',
        tags: ['proof'],
        querystring: newestFirstQuery,
        response: replies(listOf(declarationSchema)),
      },
    },
    ({ query }) => newest<Declaration>(declarationRows, declarationCount, query),
  );

  http.get(
    '/api/v1/anomalies',
    {
      schema: {
        summary: 'Anomalies that the ledger noticed, newest first, in pages',
        tags: ['proof'],
        querystring: newestFirstQuery,
        response: replies(listOf(anomalySchema)),
      },
    },
    ({ query }) => newest<Anomaly>(anomalyRows, anomalyCount, query),
  );
}
