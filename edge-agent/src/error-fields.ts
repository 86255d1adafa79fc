/** Errors that only a mistake in the program gives. */
const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError];

/**
 * What a log line says of an error: of ordinary trouble (a lost broker, a taken port, a full disk) its message and code. A
 * stack belongs to what nobody expected.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error) || mistakes.some((mistake) => error instanceof mistake)) return { err: error };
  return { reason: error.message, ...('code' in error ? { cause: error.code } : {}) };
}
