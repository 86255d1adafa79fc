/** One request, sent at most once, and what became of it: never rejects. */
import { type Session, type StatusCode, sendOnce } from '../library.ts';

export type Performed<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The server refused the request as a whole. */
  | { readonly kind: 'refused'; readonly status: StatusCode }
  /** It may have been carried out or not. */
  | { readonly kind: 'unanswered'; readonly why: string }
  | { readonly kind: 'not-sent'; readonly why: string };

type Request = Parameters<typeof sendOnce>[1];
type Answers<Answer> = abstract new (...parts: never[]) => Answer;

export function perform<Answer>(
  session: Session,
  request: Request,
  answers: Answers<Answer>,
  timeoutMs: number,
): Promise<Performed<Answer>> {
  const { promise, resolve } = Promise.withResolvers<Performed<Answer>>();
  // The library waits for 5 s at least.
  const late = setTimeout(() => resolve({ kind: 'unanswered', why: `no answer within ${timeoutMs} ms` }), timeoutMs);
  let isSent = false;
  const answered: Parameters<typeof sendOnce>[2] = (error, response) => {
    clearTimeout(late);
    if (response instanceof answers) resolve({ kind: 'answered', answer: response });
    else resolve(failureOf(error, isSent));
  };
  try {
    sendOnce(session, request, answered);
    isSent = true;
  } catch (error) {
    answered(error instanceof Error ? error : new Error(String(error)));
  }
  return promise;
}

function failureOf(error: Error | null, isSent: boolean): Exclude<Performed<never>, { kind: 'answered' }> {
  const status = faultOf(error);
  if (status !== null) return { kind: 'refused', status };
  const why = error?.message.split('\n')[0] ?? 'it is answered by another message';
  return { kind: isSent ? 'unanswered' : 'not-sent', why };
}

/** The library hands over a service fault as an error that carries it. */
function faultOf(error: Error | null): StatusCode | null {
  const response = error === null ? undefined : field(error, 'response');
  const status = field(field(response, 'responseHeader'), 'serviceResult');
  return isStatus(status) ? status : null;
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const isStatus = (value: unknown): value is StatusCode =>
  typeof field(value, 'value') === 'number' && typeof field(value, 'name') === 'string';
