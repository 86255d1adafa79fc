/** Parameters of requests: how they are checked, and the ones that several routes share. */
import { idPattern, type Micros } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { microsOf } from './instant.ts';
import { type ParameterProblem, RequestError } from './problem.ts';

export const maxPageSize = 2_000;
const defaultPageSize = 500;

const idParameter = z
  .string()
  .regex(idPattern, 'an id is 1–64 of the characters A–Z a–z 0–9 . _ : - and begins with a letter or digit');

export const gatewayParameter = idParameter.describe('id of a gateway');
export const deviceParameter = idParameter.describe('id of a device');
export const tagParameter = idParameter.describe('id of a tag');
export const textParameter = z
  .string()
  .min(1)
  .max(128)
  .describe('only what has this text in the names of device or tag, or in the description; capitals do not matter');

export const pageParameters = {
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(defaultPageSize).describe('most items of one page'),
  after: z.string().max(256).optional().describe('`next` of the page before'),
};

export const instantParameter = z
  .string()
  .transform((text, context): Micros => {
    const micros = microsOf(text);
    if (micros !== null) return micros;
    context.addIssue({
      code: 'custom',
      message:
        'must be a time such as 2026-03-01T12:00:00Z (with its zone), a day such as 2026-03-01, or µs since 1970 UTC',
    });
    return z.NEVER;
  })
  .describe('ISO 8601 with zone, a day (UTC), or integer µs since 1970 UTC');

/** @throws RequestError request/invalid with every parameter that is wrong */
export function parseParameters<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const parameters = parsed.error.issues.flatMap((issue) => describe(issue, schema));
  const names = [...new Set(parameters.map(({ parameter }) => parameter))].join(', ');
  throw new RequestError('request/invalid', `cannot use ${names}`, parameters);
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType): ParameterProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(', ') : '';
    return issue.keys.map((parameter) => ({
      parameter,
      message: known === '' ? 'is no parameter; this route has none' : `is no parameter; here are ${known}`,
    }));
  }
  const parameter = issue.path.join('.');
  if (issue.code === 'invalid_type' && issue.input === undefined && !issue.message.includes('NaN')) {
    return [{ parameter, message: `is missing; it must be ${issue.expected}` }];
  }
  return [{ parameter, message: issue.message }];
}
