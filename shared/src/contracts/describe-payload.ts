/** Why a payload is not what it must be, in sentences: which field, what is wrong with it, what would be right. */
import type { z } from 'zod';
import { describeIssue, keyOf } from '../config/describe-issue.ts';

/** A payload may have as many problems as it has samples. */
const maxProblems = 5;

export function describePayload(error: z.ZodError, payload: unknown, schema: z.ZodType): string {
  const problems = error.issues.flatMap((issue) => describeIssue(issue, payload, schema, 'field'));
  const sentences = problems
    .slice(0, maxProblems)
    .map(({ path, message }) => `${path.length === 0 ? 'the payload' : keyOf(path)} ${message}`);
  if (problems.length > maxProblems) sentences.push(`and ${problems.length - maxProblems} more`);
  return sentences.join('; ');
}

/** @throws SyntaxError whose message is a sentence */
export function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    const why = text.trim() === '' ? 'there are none' : message;
    throw new SyntaxError(`the bytes are not JSON: ${why}`, { cause: error });
  }
}
