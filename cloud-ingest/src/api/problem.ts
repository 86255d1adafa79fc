/** What goes wrong in a request, as problem details (RFC 9457): a code of the closed list, what is wrong, what would be right. */
import { type ErrorCode, FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { z } from 'zod';

/** One parameter that cannot be used as it is. */
export const parameterProblemSchema = z
  .strictObject({
    parameter: z.string(),
    message: z.string().describe('what is wrong with it and what would be right'),
  })
  .meta({ id: 'ParameterProblem' });
export type ParameterProblem = z.infer<typeof parameterProblemSchema>;

export const problemSchema = z
  .strictObject({
    type: z.string().describe('urn:fieldline:problem:<code>'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('one of the closed list in shared/README.md'),
    detail: z.string(),
    retryable: z.boolean().describe('whether the same request may succeed later'),
    parameters: z.array(parameterProblemSchema).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

type RequestCode = Extract<ErrorCode, `request/${string}`>;

/** A request that cannot be answered as it stands. */
export class RequestError extends FieldlineError {
  readonly parameters: readonly ParameterProblem[];

  constructor(code: RequestCode, message: string, parameters: readonly ParameterProblem[] = []) {
    super(code, message);
    this.parameters = parameters;
  }
}

export const notFound = (what: string): RequestError => new RequestError('request/not-found', what);

const answers: Partial<Record<ErrorCode, { status: number; title: string; retryAfterS?: number }>> = {
  'request/invalid': { status: 400, title: 'The request has parameters that cannot be used' },
  'request/token': { status: 401, title: 'A token is needed' },
  'request/misdirected': { status: 421, title: 'The request was sent to another host' },
  'request/not-found': { status: 404, title: 'Not found' },
  'request/too-heavy': { status: 503, title: 'The query took too long', retryAfterS: 10 },
  'request/busy': { status: 503, title: 'Too many requests at once', retryAfterS: 5 },
  'database/unreachable': { status: 503, title: 'The database is away', retryAfterS: 5 },
  'database/busy': { status: 503, title: 'The database is busy', retryAfterS: 5 },
  'database/refused': { status: 503, title: 'The database refuses the API', retryAfterS: 30 },
};

export type Answer = { readonly problem: Problem; readonly retryAfterS: number | null };

/** null for an error that we did not expect: a fault of ours, to be logged and answered with 500. */
export function answerOf(error: unknown): Answer | null {
  if (!isFieldlineError(error)) return null;
  const answer = answers[error.code];
  if (answer === undefined) return null;
  const parameters = error instanceof RequestError && error.parameters.length > 0 ? [...error.parameters] : null;
  return {
    retryAfterS: answer.retryAfterS ?? null,
    problem: {
      type: `urn:fieldline:problem:${error.code}`,
      title: answer.title,
      status: answer.status,
      code: error.code,
      detail: error.message,
      retryable: error.retryable,
      ...(parameters === null ? {} : { parameters }),
    },
  };
}

/** For what is wrong with us and not with the request. The log has the rest. */
export const unexpected = (status: number): Problem => ({
  type: 'about:blank',
  title: 'The API failed',
  status,
  code: 'api/unexpected',
  detail: 'An error that nobody expected; the log of the API has it.',
  retryable: false,
});
