/**
 * Services that take many operations in one call, in calls that the server can take. Calls go one after the other: a Siemens S7-1500
 * counts the operations that are under way, whatever they are divided into.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import { mentions } from '../trouble.ts';

/** How many operations one call may have: what the server states, then what it has shown that it can take. */
export type CallLimit = { atOnce: number };

/** Small enough for servers that state no limit. */
export const mostAtOnce = 500;

/** 0, and no answer, mean that the server states no limit. */
export const callLimit = (stated: number | null): CallLimit => ({
  atOnce: Math.min(stated === null || stated < 1 ? mostAtOnce : stated, mostAtOnce),
});

/** Faults that say "less at once". */
const tooMuch = [
  'BadTooManyOperations',
  'BadEncodingLimitsExceeded',
  'BadRequestTooLarge',
  'BadResponseTooLarge',
  'BadTcpMessageTooLarge',
];
export const isTooMuch = (error: unknown): boolean => tooMuch.some((status) => mentions(error, status));

/**
 * One result for each operation, in their order. A call that is too large for the server is halved, and so are all after it.
 * @throws what `call` throws for any other reason, or for one operation; FieldlineError device/reply for results that are missing
 */
export async function inCalls<Operation, Result>(
  limit: CallLimit,
  operations: readonly Operation[],
  call: (some: readonly Operation[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < operations.length) {
    const some = operations.slice(results.length, results.length + limit.atOnce);
    try {
      const answered = await call(some);
      if (answered.length !== some.length) {
        const message = `the server answered ${answered.length} of ${some.length} operations of one call`;
        throw new FieldlineError('device/reply', message);
      }
      results.push(...answered);
    } catch (error) {
      if (some.length === 1 || !isTooMuch(error)) throw error;
      limit.atOnce = Math.floor(some.length / 2);
    }
  }
  return results;
}
