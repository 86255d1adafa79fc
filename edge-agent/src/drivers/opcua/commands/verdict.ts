/** What the answer to a write or a call means. */
import type { WriteProblem, WriteResult } from '../../driver.ts';
import type { StatusCode } from '../library.ts';
import type { Performed } from './perform.ts';

export type Verdict = { readonly kind: WriteResult['kind']; readonly problem: WriteProblem | null };

/** The server cannot say whether what stands behind it was told. */
const undecided = new Set([
  'BadCommunicationError',
  'BadDeviceFailure',
  'BadInternalError',
  'BadNoCommunication',
  'BadNotConnected',
  'BadTimeout',
  'BadUnexpectedError',
]);

const hints: Readonly<Record<string, string>> = {
  BadIndexRangeInvalid: 'it writes no single elements of this node: write the whole array (each)',
  BadNotWritable: 'nobody may write this node',
  BadOutOfRange: 'the value is beyond what the server allows',
  BadTypeMismatch: 'the server takes another type than the one that it states for the node',
  BadUserAccessDenied: 'give the user of this session the right on the server',
  BadUserAccessDeniedOnCall: 'give the user of this session the right on the server',
  BadWriteNotSupported: 'where it writes no single elements, write the whole array (each)',
};

/** `resultOf`: the status of the one operation in the answer. */
export function judge<Answer>(
  performed: Performed<Answer>,
  resultOf: (answer: Answer) => StatusCode | undefined,
): Verdict {
  switch (performed.kind) {
    case 'not-sent':
      return { kind: 'not-sent', problem: { reason: 'not-connected', message: performed.why } };
    case 'unanswered':
      return { kind: 'unanswered', problem: { reason: 'no-answer', message: performed.why } };
    case 'refused':
      return judgeStatus(performed.status);
    case 'answered': {
      const status = resultOf(performed.answer);
      if (status !== undefined) return judgeStatus(status);
      return { kind: 'unanswered', problem: { reason: 'no-answer', message: 'the answer holds no result' } };
    }
  }
}

function judgeStatus(status: StatusCode): Verdict {
  const severity = status.value >>> 30;
  if (severity === 0) return { kind: 'accepted', problem: null };
  const hint = hints[status.name];
  const message = `the server answers with ${status.name}${hint === undefined ? '' : `: ${hint}`}`;
  const isUndecided = severity === 1 || undecided.has(status.name);
  return { kind: isUndecided ? 'unanswered' : 'rejected', problem: { reason: 'exception', message } };
}
