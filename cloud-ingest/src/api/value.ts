/** A stored value as JSON says it: exact, whatever its type. */
import { type QualityCode, qualityClass, qualityName, type ValueType } from '@fieldline/shared/contracts';
import { z } from 'zod';

export const valueSchema = z
  .union([z.number(), z.boolean(), z.string(), z.null()])
  .describe('null if bad; 64-bit integers beyond ±(2^53 − 1) as decimal text, because a JSON number would lose bits')
  .meta({ id: 'Value' });
export type JsonValue = z.infer<typeof valueSchema>;

export const qualitySchema = z
  .strictObject({
    code: z.int(),
    name: z.string().describe('e.g. good, uncertain/clock, bad/timeout; GET /api/v1/qualities explains all'),
    class: z.enum(['good', 'uncertain', 'bad']),
  })
  .meta({ id: 'Quality' });

export const qualityOf = (code: QualityCode): z.infer<typeof qualitySchema> => ({
  code,
  name: qualityName(code),
  class: qualityClass(code),
});

/** From the columns of a row: `text` is there only where `value` alone is not exact. */
export function jsonValue(type: ValueType, value: number | null, text: string | null): JsonValue {
  if (text !== null) return text;
  if (value === null) return null;
  return type === 'bool' ? value !== 0 : value;
}
