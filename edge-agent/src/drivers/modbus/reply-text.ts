import { type ErrorCode, FieldlineError } from '@fieldline/shared/contracts';
import { exceptionText } from './exceptions.ts';
import type { Reply } from './reply.ts';

export type NoData = Exclude<Reply, { kind: 'data' }>;

/** Why there are no data, in words for whoever looks for the fault. */
export function replyText(reply: NoData): string {
  switch (reply.kind) {
    case 'exception':
      return exceptionText(reply.code);
    case 'garbled':
      return 'the answer is damaged, or is none to this request: on a serial line look at baud rate, parity and termination';
    case 'timeout':
      return 'no answer: is the unit id right, is the device on, and on a serial line, do baud rate and parity fit?';
    case 'not-connected':
      return 'the connection was closed';
    case 'aborted':
      return 'stopped';
  }
}

const codes = {
  exception: 'device/exception',
  garbled: 'device/reply',
  timeout: 'device/timeout',
  'not-connected': 'device/unreachable',
  aborted: 'device/timeout',
} as const satisfies Record<NoData['kind'], ErrorCode>;

export const replyError = (reply: NoData, whom: string): FieldlineError =>
  new FieldlineError(codes[reply.kind], `${whom}: ${replyText(reply)}`);
