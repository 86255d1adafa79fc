/**
 * What the ledger knows of each stream. Of the numbers 1..last every one is committed, dead-lettered, declared lost, held by
 * the gateway, or missing: only the last is an alarm (design, contract 9).
 */
import { tagClasses } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { isUncountedLoss } from '../balance/uncounted-losses.ts';
import type { Database } from './database.ts';
import { requireGateway } from './gateways.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { gatewayParameter, pageParameters } from './parameters.ts';

/** Streams listed for a gateway: those with something missing first, then the newest. The rest is in its totals. */
const maxStreamsShown = 50;
/** Ranges of missing batches listed for a stream: the lowest. */
const maxRangesShown = 20;

const batchCounts = {
  batches: z.int().describe('numbers given by the gateway as far as is known'),
  committed: z.int(),
  deadLettered: z.int(),
  declared: z.int().describe('declared lost by the gateway'),
  held: z.int().describe('on their way: the journal of the gateway still holds them'),
  missing: z.int().describe('neither here nor held nor declared: an alarm'),
};

const streamSchema = z
  .strictObject({
    stream: z.uuid(),
    class: z.enum(tagClasses).describe('of its tags: each class that a gateway uses is a stream of its own'),
    firstReceivedAt: z.iso.datetime().nullable().describe('null where no batch of it has come yet'),
    lastReceivedAt: z.iso.datetime().nullable(),
    ...batchCounts,
    missingRanges: z.array(z.tuple([z.int(), z.int()])).describe(`the lowest ${maxRangesShown}, ends included`),
    tailUnknown: z.boolean().describe('the gateway vanished: it may have made batches after the last one known'),
  })
  .meta({ id: 'Stream' });

export const completenessSchema = z
  .strictObject({
    gateway: z.string(),
    ...batchCounts,
    tailUnknown: z.boolean(),
    anomalies: z.int().describe('GET /api/v1/anomalies lists them'),
    declarations: z.int().describe('GET /api/v1/declarations lists them'),
    uncountedLosses: z
      .int()
      .describe('of the declarations: those that state no number of samples. What they cost, no count here contains'),
    streams: z
      .array(streamSchema)
      .describe(`those with something missing, then the newest; at most ${maxStreamsShown}`),
    streamsOmitted: z.int(),
  })
  .meta({ id: 'Completeness' });
export type Completeness = z.infer<typeof completenessSchema>;

const sizeOf = (set: string): string => `(select coalesce(sum(upper(r) - lower(r)), 0)::int8 from unnest(${set}) r)`;

const isoSql = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The sets of the ledger may overlap: here each number is counted once, in the first of them from left to right. */
const streamStates = `
  select s.gateway, s.stream_no, s.stream, s.class,
    ${isoSql('s.first_received_at')} as "firstReceivedAt", ${isoSql('s.last_received_at')} as "lastReceivedAt",
    s.last_seq as batches, ${sizeOf('s.committed')} as committed, ${sizeOf('s.dead - s.committed')} as "deadLettered",
    ${sizeOf('s.declared - s.committed - s.dead')} as declared,
    ${sizeOf('s.held - s.committed - s.dead - s.declared')} as held,
    m.missing as "missingSet", ${sizeOf('m.missing')} as missing,
    not f.followed and not coalesce(g.online, false) and g.state ->> 'reason' is distinct from 'stopped' as "tailUnknown"
  from stream s
  left join gateway g using (gateway)
  cross join lateral (
    select exists (select from stream next where next.previous = s.stream) as followed
  ) f
  cross join lateral (
    select int8multirange(int8range(1, s.last_seq + 1)) - s.committed - s.dead - s.declared - s.held as missing
  ) m`;

const completenessRows = `
  with page as (
    select gateway from gateway where ($1::text is null or gateway = $1) and ($2::text is null or gateway > $2)
    order by gateway limit $3
  ), states as (${streamStates} where s.gateway in (select gateway from page))
  select p.gateway, t.*, a.anomalies, d.declarations, d."uncountedLosses", l.streams, t.all_streams - least(t.all_streams, ${maxStreamsShown}) as "streamsOmitted"
  from page p
  cross join lateral (
    select coalesce(sum(batches), 0)::int8 as batches, coalesce(sum(committed), 0)::int8 as committed,
      coalesce(sum("deadLettered"), 0)::int8 as "deadLettered", coalesce(sum(declared), 0)::int8 as declared,
      coalesce(sum(held), 0)::int8 as held, coalesce(sum(missing), 0)::int8 as missing,
      coalesce(bool_or("tailUnknown"), false) as "tailUnknown", count(*) as all_streams
    from states s where s.gateway = p.gateway
  ) t
  cross join lateral (select count(*) as anomalies from anomaly a where a.gateway = p.gateway) a
  cross join lateral (
    select count(*) as declarations, count(*) filter (where ${isUncountedLoss}) as "uncountedLosses"
    from declaration d join stream using (stream_no) where stream.gateway = p.gateway
  ) d
  cross join lateral (
    select coalesce(json_agg(to_jsonb(x) - 'gateway' - 'stream_no' - 'missingSet' order by x.missing > 0 desc, x.stream_no desc), '[]') as streams
    from (
      select s.*, (
        select coalesce(json_agg(json_build_array(lower(r), upper(r) - 1) order by lower(r)), '[]')
        from (select r from unnest(s."missingSet") r order by lower(r) limit ${maxRangesShown}) r
      ) as "missingRanges"
      from states s where s.gateway = p.gateway order by s.missing > 0 desc, s.stream_no desc limit ${maxStreamsShown}
    ) x
  ) l
  order by p.gateway`;

export function completenessRoutes(http: Http, database: Database): void {
  http.get(
    '/api/v1/completeness',
    {
      schema: {
        summary: 'Per gateway and stream: which batches are here, on their way, declared lost or missing',
        tags: ['proof'],
        querystring: z.strictObject({ gateway: gatewayParameter.optional(), ...pageParameters }),
        response: replies(pageSchema(completenessSchema)),
      },
    },
    async ({ query: { gateway, limit, after } }) => {
      if (gateway !== undefined) await requireGateway(database, gateway);
      const rows = await database.query<Completeness & { all_streams: number }>(completenessRows, [
        gateway ?? null,
        after ?? null,
        limit + 1,
      ]);
      return pageOf(
        rows,
        limit,
        (row) => row.gateway,
        ({ all_streams: _counted, ...row }) => row,
      );
    },
  );
}
