/**
 * Reads a settings file (YAML), checks it whole against its schema and freezes it. Every problem is listed at once, each
 * with file, line, column, key, what is wrong and what would be right. Secrets are never in the file: `…File` keys name
 * files that hold them.
 */
import type { z } from 'zod';
import { type Checked, deepFreeze, invalid, issuesOf, parseText, readText } from './settings-text.ts';

/** @throws FieldlineError settings/unreadable, settings/invalid */
export function loadConfig<Schema extends z.ZodType>(schema: Schema, file: string): z.infer<Schema> {
  return parseConfig(schema, readText(file), file);
}

/** @throws FieldlineError settings/invalid */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.infer<Schema> {
  const checked = checkText(schema, text, file);
  if (checked.problems !== null) throw invalid(file, checked.problems);
  return deepFreeze(checked.data);
}

export function checkText<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  file: string,
): Checked<z.infer<Schema>> {
  const read = parseText(text, file);
  if (read.problems !== null) return read;
  const { data, doubled, problemAt } = read.data;
  const checked = issuesOf(schema, data);
  const problems = [...doubled, ...(checked.issues ?? []).map((issue) => problemAt(issue))];
  return checked.issues === null && problems.length === 0 ? { data: checked.data, problems: null } : { problems };
}
