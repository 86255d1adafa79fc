/** Records and samples that could not be stored, kept with their bytes and the reason. */
import { z } from 'zod';
import { letterStates } from '../dead-letters/letters.ts';
import type { Database } from './database.ts';
import { type Http, replies } from './http.ts';
import { pageOf, pageSchema } from './page-of.ts';
import { gatewayParameter, pageParameters } from './parameters.ts';
import { notFound } from './problem.ts';

const shape = {
  id: z.int(),
  receivedAt: z.iso.datetime(),
  gateway: z.string().nullable(),
  stage: z.string().describe('where on the line it could go no further'),
  code: z.string(),
  reason: z.string(),
  topic: z.string(),
  partition: z.int().nullable(),
  offset: z.int().nullable().describe('of its record in the backbone'),
  position: z
    .int()
    .nullable()
    .describe('of the sample in its batch; null where the whole record or several samples are meant'),
  samples: z.int().nullable().describe('how many samples of the batch are meant; null where the whole record is'),
  sizeBytes: z.int(),
  attempts: z.int().describe('how often it was redriven'),
  attemptedAt: z.iso.datetime().nullable().describe('the last time'),
  redrivenSamples: z.int().describe('of `samples`, how many are rows by now'),
  redrivenAt: z.iso.datetime().nullable().describe('when nothing of it was dead any more; null while something is'),
};
export const deadLetterSchema = z.strictObject(shape).meta({ id: 'DeadLetter' });
export type DeadLetter = z.infer<typeof deadLetterSchema>;

const deadLetterWithBytesSchema = z
  .strictObject({
    ...shape,
    bytesBase64: z.string().describe('the bytes as they came'),
    headers: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'DeadLetterWithBytes' });
export type DeadLetterWithBytes = z.infer<typeof deadLetterWithBytesSchema>;

const columns = `id, received_at as "receivedAt", gateway, stage, code, reason, topic, partition, record_offset as offset,
  position, samples, octet_length(bytes) as "sizeBytes", attempts, attempted_at as "attemptedAt", redriven_at as "redrivenAt",
  (select coalesce(sum(upper(part) - lower(part)), 0)::int4 from unnest(redriven) as part) as "redrivenSamples"`;

const listRows = `select ${columns} from dead_letter
  where ($1::text is null or gateway = $1) and ($2::text is null or code = $2) and ($3::int8 is null or id < $3)
    and ($5::text = 'all' or (redriven_at is null) = ($5::text = 'open'))
  order by id desc limit $4`;

const countRows = `select code, count(*) as count, count(*) filter (where redriven_at is null) as open
  from dead_letter group by code order by count desc, code`;

const idText = z.string().regex(/^\d{1,15}$/, 'must be a number such as 17');

export function deadLetterRoutes(http: Http, database: Database): void {
  http.get(
    '/api/v1/dead-letters',
    {
      schema: {
        summary: 'Dead letters, newest first, in pages; with how many there are of each code',
        tags: ['proof'],
        querystring: z.strictObject({
          gateway: gatewayParameter.optional(),
          code: z.string().min(1).max(64).optional().describe('an error code, e.g. batch/malformed'),
          state: z
            .enum(letterStates)
            .default('all')
            .describe('open: something of it is dead still; redriven: nothing is any more'),
          limit: pageParameters.limit,
          after: idText.optional().describe('`next` of the page before'),
        }),
        response: replies(
          pageSchema(deadLetterSchema).extend({
            counts: z
              .array(z.strictObject({ code: z.string(), count: z.int(), open: z.int() }))
              .describe('of all gateways; `open`: those that are not redriven'),
          }),
        ),
      },
    },
    async ({ query: { gateway, code, state, limit, after } }) => {
      const rows = await database.query<DeadLetter>(listRows, [
        gateway ?? null,
        code ?? null,
        after ?? null,
        limit + 1,
        state,
      ]);
      const counts = await database.query<{ code: string; count: number; open: number }>(countRows);
      return {
        ...pageOf(
          rows,
          limit,
          (row) => String(row.id),
          (row) => row,
        ),
        counts,
      };
    },
  );

  http.get(
    '/api/v1/dead-letters/:id',
    {
      schema: {
        summary: 'One dead letter with its bytes',
        tags: ['proof'],
        params: z.strictObject({ id: idText }),
        querystring: z.strictObject({}),
        response: replies(deadLetterWithBytesSchema),
      },
    },
    async ({ params: { id } }) => {
      const [row] = await database.query<DeadLetterWithBytes>(
        `select ${columns}, translate(encode(bytes, 'base64'), E'\\n', '') as "bytesBase64", headers
         from dead_letter where id = $1`,
        [id],
      );
      if (row === undefined) throw notFound(`no dead letter ${id}; GET /api/v1/dead-letters lists them`);
      return row;
    },
  );
}
