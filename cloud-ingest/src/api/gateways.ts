/** Gateways of the fleet and the devices behind each. */
import { z } from 'zod';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { gatewayParameter, pageParameters } from './parameters.ts';
import { notFound } from './problem.ts';

const instant = z.iso.datetime();

export const gatewaySchema = z
  .strictObject({
    gateway: z.string(),
    online: z.boolean(),
    reason: z.string().nullable().describe('started, running, stopped or lost: why the gateway last told its state'),
    firstSeen: instant,
    stateAt: instant.nullable().describe('when the cloud last received its state'),
    lastReceivedAt: instant.nullable().describe('when the cloud last received a batch of it'),
    agent: z.string().nullable().describe('version of the agent'),
    confirm: z.string().nullable(),
    clock: z
      .string()
      .nullable()
      .describe(
        'synchronised: a time server has set the clock of the gateway since it started; unknown: nothing tells that one has, ' +
          'so the times of its samples may be off',
      ),
    devices: z.int(),
    tags: z.int(),
    streams: z.int(),
    heldBatches: z.int().describe('batches that its journal holds and the cloud has not confirmed'),
  })
  .meta({ id: 'Gateway' });
export type Gateway = z.infer<typeof gatewaySchema>;

export const deviceSchema = z
  .strictObject({
    gateway: z.string(),
    device: z.string(),
    protocol: z.string().nullable().describe('null until the gateway has announced the device'),
    tags: z.int(),
    good: z.int().describe('tags whose latest value is good'),
    uncertain: z.int(),
    bad: z.int(),
    lastTime: instant.nullable().describe('time of the newest sample'),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof deviceSchema>;

const gatewayRows = `
  select g.gateway, g.online, g.first_seen as "firstSeen", g.state_at as "stateAt", g.state ->> 'reason' as reason,
    g.state ->> 'agent' as agent, g.state ->> 'confirm' as confirm, g.state ->> 'clock' as clock,
    (select count(*) from device d where d.gateway = g.gateway) as devices,
    (select count(*) from series s where s.gateway = g.gateway) as tags,
    t.streams, t.held as "heldBatches", t.last_received_at as "lastReceivedAt"
  from gateway g
  cross join lateral (
    select count(*) as streams, max(last_received_at) as last_received_at,
      coalesce(sum((select sum(upper(r) - lower(r)) from unnest(held - committed - declared - dead) r)), 0)::int8 as held
    from stream s where s.gateway = g.gateway
  ) t
  where ($1::text is null or g.gateway > $1)
  order by g.gateway limit $2`;

const deviceRows = `
  select $1 as gateway, n.device, d.protocol, count(s.series_id) as tags,
    count(*) filter (where l.quality < 100) as good,
    count(*) filter (where l.quality >= 100 and l.quality < 200) as uncertain,
    count(*) filter (where l.quality >= 200) as bad, max(l.time) as "lastTime"
  from (select device from device where gateway = $1 union select device from series where gateway = $1) n
  left join device d on d.gateway = $1 and d.device = n.device
  left join series s on s.gateway = $1 and s.device = n.device
  left join latest l using (series_id)
  where ($2::text is null or n.device > $2)
  group by n.device, d.protocol order by n.device limit $3`;

export async function requireGateway(database: Database, gateway: string): Promise<void> {
  const known = await database.query('select 1 from gateway where gateway = $1', [gateway]);
  if (known.length === 0) throw notFound(`no gateway ${gateway}; GET /api/v1/gateways lists them`);
}

export function gatewayRoutes(http: Http, database: Database): void {
  http.get(
    '/api/v1/gateways',
    {
      schema: {
        summary: 'Gateways, in pages',
        tags: ['field'],
        querystring: z.strictObject(pageParameters),
        response: replies(pageSchema(gatewaySchema)),
      },
    },
    async ({ query: { limit, after } }) => {
      const rows = await database.query<Gateway>(gatewayRows, [after ?? null, limit + 1]);
      return pageOf(
        rows,
        limit,
        (row) => row.gateway,
        (row) => row,
      );
    },
  );

  http.get(
    '/api/v1/gateways/:gateway/devices',
    {
      schema: {
        summary: 'Devices of a gateway, each with how many of its tags are well, in pages',
        tags: ['field'],
        params: z.strictObject({ gateway: gatewayParameter }),
        querystring: z.strictObject(pageParameters),
        response: replies(pageSchema(deviceSchema)),
      },
    },
    async ({ params: { gateway }, query: { limit, after } }) => {
      await requireGateway(database, gateway);
      const rows = await database.query<Device>(deviceRows, [gateway, after ?? null, limit + 1]);
      return pageOf(
        rows,
        limit,
        (row) => row.device,
        (row) => row,
      );
    },
  );
}
