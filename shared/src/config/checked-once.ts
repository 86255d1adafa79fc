/**
 * Large plants have few kinds of devices and many of each: what of their settings is one and the same object, since it was written in the
 * same lines or comes from one profile, is checked once, and what was made of it is one object again.
 */
import type { z } from 'zod';

/** The same schema, which from now on gives within one parse for the same object the same result. Whatever has mistakes is told anew. */
export function checkedOnce<Schema extends z.ZodType>(schema: Schema): Schema {
  const run = schema._zod.run;
  /** Of each parse, by its context. */
  const parses = new WeakMap<object, WeakMap<object, unknown>>();
  schema._zod.run = (payload, context) => {
    const { value } = payload;
    if (value === null || typeof value !== 'object') return run(payload, context);
    const results = parses.get(context) ?? new WeakMap<object, unknown>();
    parses.set(context, results);
    if (results.has(value)) {
      payload.value = results.get(value);
      return payload;
    }
    const result = run(payload, context);
    if (!(result instanceof Promise) && result.issues.length === 0) results.set(value, result.value);
    return result;
  };
  return schema;
}
