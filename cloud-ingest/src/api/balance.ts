/** GET /api/v1/balance: the message balance of the line (design, contract 12). */
import { z } from 'zod';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';

const samples = (text: string) => z.int().describe(`samples ${text}`);

export const balanceSchema = z
  .strictObject({
    read: samples('that the drivers have given'),
    filtered: samples('that the filter has held back'),
    stored: samples('that are rows'),
    deadLettered: samples('that cannot be stored and are kept with the reason'),
    declared: samples('of batches that the gateways declared lost'),
    inFlight: samples('on their way: read − filtered − stored − deadLettered − declared'),
    duplicate: samples('that came again and were dropped'),
    missing: z.int().describe('batches that are neither here nor held nor declared'),
    doubled: samples('that are rows more than once'),
  })
  .meta({ id: 'Balance' });
export type Balance = z.infer<typeof balanceSchema>;

export function balanceRoutes(http: Http, database: Database): void {
  http.get(
    '/api/v1/balance',
    {
      schema: {
        summary: 'The message balance: where every sample that was read is now',
        tags: ['proof'],
        querystring: z.strictObject({}),
        response: replies(balanceSchema),
      },
    },
    async () => {
      const [row] = await database.query<Balance>(balanceRow);
      if (row === undefined) throw new Error('a query of sums gave no row');
      return row;
    },
  );
}

const balanceRow = `
  select read, filtered, stored, "deadLettered", declared, duplicate, missing, doubled,
    read - filtered - stored - "deadLettered" - declared as "inFlight"
  from (
    select coalesce(sum(read), 0)::int8 as read, coalesce(sum(filtered), 0)::int8 as filtered,
      coalesce(sum(stored), 0)::int8 as stored, coalesce(sum(rejected), 0)::int8 as "deadLettered",
      coalesce(sum(declared_samples), 0)::int8 as declared, coalesce(sum(duplicate_samples), 0)::int8 as duplicate,
      coalesce(sum((
        select sum(upper(r) - lower(r))
        from unnest(int8multirange(int8range(1, last_seq + 1)) - committed - dead - declared - held) r
      )), 0)::int8 as missing,
      0 as doubled
    from stream
  ) sums`;
