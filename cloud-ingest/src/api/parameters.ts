/** Parameters of requests: how they are checked, and the ones that several routes share. */
import { idPattern, idRule, type Micros } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { microsOf } from '../instant.ts';
import { type ParameterProblem, RequestError } from './problem.ts';

export const maxPageSize = 2_000;
const defaultPageSize = 500;

const idParameter = z.string().regex(idPattern, idRule);

export const gatewayParameter = idParameter.describe('id of a gateway');
export const deviceParameter = idParameter.describe('id of a device');
export const tagParameter = idParameter.describe('id of a tag');
/** PostgreSQL has no U+0000 in texts. */
const storableText = z.string().refine((text) => !text.includes('\u0000'), 'must not have the character U+0000 (%00)');
export const textParameter = storableText
  .min(1)
  .max(128)
  .describe('only what has this text in the names of device or tag, or in the description; capitals do not matter');

export const pageParameters = {
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(defaultPageSize).describe('most items of one page'),
  after: storableText.max(256).optional().describe('`next` of the page before'),
};

/** No sample is older, and beyond some thousand years PostgreSQL and JavaScript run out of days. */
const earliest = '1970-01-01';
const latest = '2200-01-01';
const earliestUs = Date.parse(earliest) * 1_000;
const latestUs = Date.parse(latest) * 1_000;

export const instantParameter = z
  .string()
  .transform((text, context): Micros => {
    const micros = microsOf(text);
    if (micros !== null && micros >= earliestUs && micros <= latestUs) return micros;
    context.addIssue({
      code: 'custom',
      message:
        micros === null
          ? 'must be a time such as 2026-03-01T12:00:00Z (with its zone), a day such as 2026-03-01, or µs since 1970 UTC'
          : `must be from ${earliest} to ${latest}`,
    });
    return z.NEVER;
  })
  .describe('ISO 8601 with zone, a day (UTC), or integer µs since 1970 UTC');

/** @throws RequestError request/invalid with every parameter that is wrong */
export function parseParameters<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const parameters = parsed.error.issues.flatMap((issue) => describe(issue, schema, data));
  const names = [...new Set(parameters.map(({ parameter }) => parameter))].join(', ');
  throw new RequestError('request/invalid', `cannot use ${names}`, parameters);
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, data: unknown): ParameterProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(', ') : '';
    return issue.keys.map((parameter) => ({
      parameter,
      message: known === '' ? 'is no parameter; this route has none' : `is no parameter; here are ${known}`,
    }));
  }
  const parameter = issue.path.join('.');
  const given = typeof data === 'object' && data !== null ? Object.entries(data) : [];
  const value: unknown = given.find(([name]) => name === parameter)?.[1];
  if (Array.isArray(value)) return [{ parameter, message: `stands there ${value.length} times; give it once` }];
  if (issue.code === 'invalid_type' && value === undefined) {
    return [{ parameter, message: `is missing; it must be ${issue.expected}` }];
  }
  return [{ parameter, message: issue.message }];
}
