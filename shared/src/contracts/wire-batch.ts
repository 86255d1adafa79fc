/** The fields of a batch as they stand in its JSON; its columns are looked at entry by entry afterwards. */
import { z } from 'zod';
import { declarationSchema } from './declaration.ts';
import { describePayload } from './describe-payload.ts';
import { FieldlineError } from './errors.ts';
import { isQualityCode, type QualityCode } from './quality.ts';
import { type TagClass, tagClasses } from './tag-class.ts';
import { idPattern, idRule } from './topics.ts';

const maxSeq = 0xffff_ffff;
const count = z.int().nonnegative();
const column = z.custom<unknown[]>((data) => Array.isArray(data), 'must be a list');

const wireSchema = z.object({
  gateway: z.string().regex(idPattern, idRule),
  stream: z.uuid(),
  seq: z.int().positive().max(maxSeq),
  previous: z.object({ stream: z.uuid(), lastSeq: count }).nullable().optional(),
  read: count,
  filtered: count,
  thinned: count.optional(),
  volatile: z.boolean().optional(),
  class: z.enum(tagClasses).optional(),
  tags: column,
  t0: count,
  i: column.optional(),
  t: column,
  x: column,
  q: z.array(z.tuple([count, z.custom<QualityCode>(isQualityCode, 'must be a quality code')])),
  declared: z.array(declarationSchema).optional(),
});
export type WireBatch = z.infer<typeof wireSchema>;

export const identitySchema = wireSchema.pick({ gateway: true, stream: true, seq: true });

/**
 * The schema takes ten times as long as a look by hand, and leaves more to be collected than a small batch itself: it is asked
 * for what is not plain, and words what is wrong.
 * @throws FieldlineError batch/malformed
 */
export function wireBatchOf(json: unknown, gateway: string): WireBatch {
  if (typeof json === 'object' && json !== null && isPlain(json, gateway)) return json;
  const parsed = wireSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new FieldlineError('batch/malformed', describePayload(parsed.error, json, wireSchema));
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether it is what nearly all batches are, looked at by hand; true only for what the schema takes as it is. `gateway` is an id. */
function isPlain(json: object, gateway: string): json is WireBatch {
  const wire: { readonly [Key in keyof WireBatch]?: unknown } = json;
  return (
    wire.gateway === gateway &&
    typeof wire.stream === 'string' &&
    uuid.test(wire.stream) &&
    isCount(wire.seq) &&
    wire.seq > 0 &&
    wire.seq <= maxSeq &&
    isCount(wire.read) &&
    isCount(wire.filtered) &&
    isCount(wire.t0) &&
    Array.isArray(wire.tags) &&
    (wire.i === undefined || Array.isArray(wire.i)) &&
    Array.isArray(wire.t) &&
    Array.isArray(wire.x) &&
    Array.isArray(wire.q) &&
    wire.q.every(isQualityAt) &&
    (wire.class === undefined || tagClasses.includes(wire.class as TagClass)) &&
    // Seldom there, and each with rules of its own.
    wire.previous === undefined &&
    wire.thinned === undefined &&
    wire.volatile === undefined &&
    wire.declared === undefined
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isQualityAt = (entry: unknown): boolean =>
  Array.isArray(entry) && entry.length === 2 && isCount(entry[0]) && isQualityCode(entry[1]);
