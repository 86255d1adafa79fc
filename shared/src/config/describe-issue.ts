import { z } from 'zod';
import { nearest } from './nearest.ts';

export type IssueText = { readonly path: readonly PropertyKey[]; readonly message: string };

type Issue = z.core.$ZodIssue;

const typeWords: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map of settings, such as { … }',
  record: 'a map, such as { … }',
};

const wordOf = (kind: string): string => typeWords[kind] ?? kind;

/** What a key is a name of: people write settings, programs write the fields of a payload. */
export type KeyNoun = 'setting' | 'field';

/** One zod issue as one or more sentences: what is wrong, and what would be right. */
export function describeIssue(issue: Issue, data: unknown, schema: z.ZodType, noun: KeyNoun = 'setting'): IssueText[] {
  const path = issue.path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: unknownKey(key, knownKeys(schema, data, path), noun),
      }));
    case 'invalid_type': {
      const found = valueAt(data, path);
      const expected = noun === 'field' && issue.expected === 'object' ? 'an object, { … }' : wordOf(issue.expected);
      if (found === undefined) return [{ path, message: `is missing; it must be ${expected}` }];
      const wanted = isNotFinite(found) ? 'a finite number' : expected;
      return [{ path, message: `is ${show(found)}; it must be ${wanted}` }];
    }
    case 'invalid_value':
      return [{ path, message: wrongChoice(valueAt(data, path), issue.values.map(String)) }];
    case 'invalid_union':
      return describeUnion(issue, data, schema, noun);
    case 'too_small':
    case 'too_big':
      return [{ path, message: describeSize(issue, valueAt(data, path)) }];
    case 'invalid_format':
      return [{ path, message: `is ${show(valueAt(data, path))}${formatOf(issue)}` }];
    case 'custom':
      // What is asked of a whole may stand at a key that is not there: the sentence says what about it.
      return [{ path, message: customText(issue.message, valueAt(data, path)) }];
    default:
      return [{ path, message: `is ${show(valueAt(data, path))}: ${issue.message}` }];
  }
}

const customText = (message: string, found: unknown): string =>
  found === undefined && /^(is|must|goes) /.test(message) ? message : `is ${show(found)}: ${message}`;

/** zod counts characters and entries, and compares numbers, by the same issue. */
function describeSize(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, found: unknown): string {
  if (!issue.message.startsWith('Too ')) return `is ${show(found)}: ${issue.message}`;
  const [bound, isLeast] = issue.code === 'too_small' ? [issue.minimum, true] : [issue.maximum, false];
  const size = typeof found === 'string' || Array.isArray(found) ? found.length : null;
  if (size === null) {
    const side = isLeast ? (issue.inclusive ? 'at least' : 'more than') : issue.inclusive ? 'at most' : 'less than';
    return `is ${show(found)}; it must be ${side} ${bound}`;
  }
  const entries = typeof found === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  const count = (amount: number | bigint): string => `${amount} ${Number(amount) === 1 ? entries[0] : entries[1]}`;
  const has = size === 0 ? 'is empty' : `has ${count(size)}`;
  return `${has}; it must have at ${isLeast ? 'least' : 'most'} ${count(bound)}`;
}

/** What a schema says itself is a sentence already; what zod says for it is not. */
function formatOf({ format, message }: Extract<Issue, { code: 'invalid_format' }>): string {
  if (!message.startsWith('Invalid ')) return `: ${message}`;
  return format === 'uuid' ? '; it must be a UUID' : '; it has another form than it must have';
}

function describeUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  data: unknown,
  schema: z.ZodType,
  noun: KeyNoun,
): IssueText[] {
  if (issue.errors.length === 0) {
    // The discriminator of a union names none of its alternatives; zod's path ends with it.
    const path = issue.path;
    const found = valueAt(data, path);
    const options = (issue as { options?: unknown[] }).options?.map(String) ?? [];
    if (found === undefined) return [{ path, message: `is missing; it must be ${choices(options)}` }];
    return [{ path, message: wrongChoice(found, options) }];
  }
  const kinds = kindsOf(issue.errors);
  if (kinds !== null) return [{ path: issue.path, message: wrongKind(valueAt(data, issue.path), kinds) }];
  // Of the alternatives, the one that the text comes nearest to: the deepest first problem, then the fewest.
  const depth = (issues: readonly Issue[]): number => Math.max(...issues.map((inner) => inner.path.length));
  const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
  return best.flatMap((inner) =>
    describeIssue({ ...inner, path: [...issue.path, ...inner.path] } as Issue, data, schema, noun),
  );
}

/** Where the alternatives are plain kinds of values and it is none of them: these kinds. */
function kindsOf(alternatives: readonly (readonly Issue[])[]): string[] | null {
  const kinds = alternatives.map(([first, ...rest]) =>
    first?.code === 'invalid_type' && first.path.length === 0 && rest.length === 0 ? wordOf(first.expected) : null,
  );
  const named = kinds.filter((kind) => kind !== null);
  return named.length === kinds.length ? [...new Set(named)] : null;
}

function wrongKind(found: unknown, kinds: readonly string[]): string {
  const wanted = `it must be ${kinds.join(', or ')}`;
  return found === undefined ? `is missing; ${wanted}` : `is ${show(found)}; ${wanted}`;
}

const choices = (options: readonly string[]): string =>
  options.length === 1 ? `${options[0]}` : options.length > 0 ? `one of ${options.join(', ')}` : 'another value';

function wrongChoice(found: unknown, options: readonly string[]): string {
  if (found === undefined) return `is missing; it must be ${choices(options)}`;
  const guess = options.length === 1 ? null : nearest(String(found), options);
  return `is ${show(found)}; it must be ${choices(options)}${guess === null ? '' : `. Did you mean ${guess}?`}`;
}

function unknownKey(key: string, known: readonly string[], noun: KeyNoun): string {
  const guess = nearest(key, known);
  if (guess !== null) return `is not a ${noun}. Did you mean ${guess}?`;
  return known.length > 0 ? `is not a ${noun}; here stand ${known.join(', ')}` : `is not a ${noun}; remove it`;
}

const isNotFinite = (value: unknown): value is number => typeof value === 'number' && !Number.isFinite(value);

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  // JSON has no bigint, NaN or Infinity: they are shown as they are.
  const asText = typeof value === 'bigint' || isNotFinite(value);
  const whole = asText ? String(value) : (JSON.stringify(value) ?? String(value));
  // A password in an address is not repeated: what is shown here ends up in logs.
  const text = whole.replace(/(:\/\/[^\s/:@]*):[^\s/]*@/g, '$1:…@');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export const valueAt = (data: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (value !== null && typeof value === 'object' ? Reflect.get(value, key) : undefined),
    data,
  );

const schema = z.instanceof(z.ZodType);
/** What zod keeps of a schema, as far as keys are found by it. */
const definitionSchema = z.object({
  shape: z.record(z.string(), schema).optional(),
  element: schema.optional(),
  innerType: schema.optional(),
  in: schema.optional(),
  options: z.array(schema).optional(),
  discriminator: z.string().optional(),
  valueType: schema.optional(),
});
const definitionOf = ({ def }: z.ZodType): z.infer<typeof definitionSchema> => definitionSchema.parse(def);

/** The keys that the schema has at a path, following the alternative that the data chose. */
export function knownKeys(schema: z.ZodType, data: unknown, path: readonly PropertyKey[]): string[] {
  const here = settle(schema, data);
  if (here === null) return [];
  const { shape, element, valueType } = definitionOf(here);
  const [step, ...rest] = path;
  if (step === undefined) return Object.keys(shape ?? {});
  const next = shape?.[String(step)] ?? element ?? valueType;
  return next === undefined ? [] : knownKeys(next, valueAt(data, [step]), rest);
}

/** Past optional, default, pipe and union to what describes the data. */
function settle(schema: z.ZodType, data: unknown): z.ZodType | null {
  const { innerType, options, discriminator, in: input } = definitionOf(schema);
  if (innerType !== undefined) return settle(innerType, data);
  if (input !== undefined) return settle(input, data);
  if (options === undefined) return schema;
  const chosen =
    discriminator === undefined
      ? undefined
      : options.find((option) => {
          const settled = settle(option, data);
          const field = settled === null ? undefined : definitionOf(settled).shape?.[discriminator];
          return field?.safeParse(valueAt(data, [discriminator])).success === true;
        });
  const objects = options.filter((option) => definitionOf(option).shape !== undefined);
  const fallback = chosen ?? objects[0];
  return fallback === undefined ? null : settle(fallback, data);
}

/** `devices[2].tags[0].address`; empty for the whole. */
export const keyOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
