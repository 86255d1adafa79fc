/** Whether and how a gateway takes commands, and what a tag says of its own writing. Nothing can be written unless both say so. */
import { z } from 'zod';
import { durationMs } from './units.ts';

/** The device under which the gateway records what it was told, and its tag. */
export const ownDevice = 'fieldline';
export const commandsTag = 'commands';

export const commandsSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('true: values are taken by MQTT for tags whose settings have `write`; false: nothing can be written'),
    longestMs: durationMs
      .max(24 * 3_600_000)
      .default(3_600_000)
      .describe('a command that expires later than this from now is refused: until then its id must be remembered'),
    mostPerMinute: z.int().min(1).max(6_000).default(60).describe('more commands than this are refused'),
    maxWaiting: z.int().min(1).max(1_000).default(32).describe('commands that may wait for their devices at once'),
    maxRemembered: z
      .int()
      .min(100)
      .max(1_000_000)
      .default(10_000)
      .describe('ids with their answers; the oldest that has expired goes first, one that has not never does'),
  })
  .prefault({});
export type CommandSettings = z.infer<typeof commandsSchema>;

const digits = /^-?\d{1,20}$/;
/** Of 64-bit integers also with digits that a number of YAML or JSON has no room for. */
const limit = z.union([z.number(), z.string()]);

export const limitsShape = {
  min: limit
    .optional()
    .describe(
      'lowest value that may be written; numbers need min and max, or oneOf; of int64 and uint64 from 2^53 on as a text of digits',
    ),
  max: limit.optional(),
  oneOf: z
    .array(z.union([z.number(), z.string(), z.boolean()]))
    .min(1)
    .max(256)
    .optional()
    .describe('the only values that may be written'),
};
export type ValueLimits = z.infer<z.ZodObject<typeof limitsShape>>;

/** Whatever the protocol. */
export const writeObject = z.strictObject({
  ...limitsShape,
  atMostEveryMs: durationMs.default(1_000).describe('a command sooner after the one before, of this tag, is refused'),
  readBackAfterMs: z
    .int()
    .nonnegative()
    .max(60_000)
    .default(0)
    .describe('time for the device to take over what was written, before it is read back'),
});
export type WriteRules = z.infer<typeof writeObject>;

/** Which value a tag can take at all: what its limits must fit. */
export type WrittenKind = 'number' | 'long' | 'text' | 'switch';

/** With all its bits. */
export const exactLimit = <Stated extends number | bigint>(limit: Stated | string): Stated | bigint =>
  typeof limit === 'string' ? BigInt(limit) : limit;

/** What in the rules contradicts itself. */
export function ruleProblems(rules: ValueLimits, kind: WrittenKind): [key: string, message: string][] {
  const { min, max, oneOf } = rules;
  const hasLimit = min !== undefined || max !== undefined;
  const isNumber = kind === 'number' || kind === 'long';
  if (!isNumber && hasLimit) return [[min === undefined ? 'max' : 'min', 'goes with numbers only']];
  if (isNumber && oneOf === undefined && (min === undefined || max === undefined)) {
    return [[min === undefined ? 'min' : 'max', 'is needed: a number is written only between min and max, or oneOf']];
  }
  const stated = [
    ['min', min] as const,
    ['max', max] as const,
    ...(oneOf ?? []).map((value) => ['oneOf', value] as const),
  ];
  for (const [key, value] of stated) {
    const wrong = value === undefined ? null : valueProblem(value, kind);
    if (wrong !== null) return [[key, key === 'oneOf' ? `${JSON.stringify(value)} ${wrong}` : wrong]];
  }
  const isCrossed = min !== undefined && max !== undefined && exactLimit(min) > exactLimit(max);
  return isCrossed ? [['max', 'must not be below min']] : [];
}

function valueProblem(value: number | string | boolean, kind: WrittenKind): string | null {
  if (kind === 'long' && typeof value === 'string' && digits.test(value)) return null;
  if (kind === 'long' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return 'may be another number than was meant: from 2^53 on write it as a text of digits, in quotes';
  }
  const wanted = { number: 'number', long: 'number', text: 'string', switch: 'boolean' }[kind];
  return typeof value === wanted ? null : `is no ${wanted}, as a value of this tag is`;
}
