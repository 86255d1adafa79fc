/** What went wrong with a server, in words for the operator: which side must do what. */
import { type ErrorCode, FieldlineError } from '@fieldline/shared/contracts';
import type { EndpointPlan } from './plan.ts';

type DeviceErrorCode = Extract<ErrorCode, `device/${string}`>;
type Hint = readonly [
  pattern: RegExp,
  code: DeviceErrorCode,
  words: (plan: EndpointPlan, certificate: string) => string,
];

const refusedUser = ({ user }: EndpointPlan): string =>
  user === null
    ? 'the server lets no anonymous user in: set username and passwordFile'
    : `the server refused the user ${user.name}: correct username and passwordFile, or give the user rights on the server`;

/** The library passes on status codes and system errors as parts of its messages only, so its messages are searched. */
const hints: readonly Hint[] = [
  [
    /ECONNREFUSED/,
    'device/unreachable',
    ({ endpoint }) => `nothing listens at ${endpoint}: start the server, or correct host and port`,
  ],
  [
    /ENOTFOUND|EAI_AGAIN/,
    'device/unreachable',
    ({ endpoint }) => `the host of ${endpoint} has no address: correct the name, or check DNS`,
  ],
  [
    /EHOSTUNREACH|ENETUNREACH/,
    'device/unreachable',
    ({ endpoint }) => `no route to ${endpoint}: check cable, address and gateway`,
  ],
  [/BadUserAccessDenied|BadIdentityToken|Cannot find .*(user|token) ?policy/i, 'device/exception', refusedUser],
  [
    /BadCertificateTimeInvalid/,
    'device/exception',
    () => 'a certificate is not valid today: check the clocks of both sides and renew what has expired',
  ],
  [
    /BadCertificateUriInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `the server finds another application URI than the one in ${certificate}: delete the file, a new one is made`,
  ],
  [
    /BadSecurityChecksFailed|BadCertificate|BadSecurityPolicyRejected|BadApplicationSignatureInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `the server does not trust this gateway: on the server, trust its certificate (${certificate})`,
  ],
  [/BadTooManySessions/, 'device/exception', () => 'the server has no session left: close others, or raise its limit'],
  [
    /BadTcpEndpointUrlInvalid/,
    'device/exception',
    ({ endpoint }) => `the server knows no endpoint ${endpoint}: correct the path`,
  ],
  [
    /timeout|timed out|ETIMEDOUT/i,
    'device/timeout',
    ({ endpoint, timeoutMs }) => `${endpoint} did not answer within ${timeoutMs} ms`,
  ],
  [
    /disconnected by third party|Connection Break|ECONNRESET|EPIPE|not connected|channel|premature/i,
    'device/unreachable',
    ({ endpoint }) => `the connection to ${endpoint} broke`,
  ],
];

/** Keeps our own errors; gives those of the library a code and a sentence. */
export function explainFailure(error: unknown, plan: EndpointPlan, certificateFile: string): FieldlineError {
  if (error instanceof FieldlineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, code, words] of hints) {
    if (pattern.test(message)) return new FieldlineError(code, words(plan, certificateFile), { cause: error });
  }
  return new FieldlineError('device/reply', `${plan.endpoint}: ${message.split('\n')[0]}`, { cause: error });
}

export const mentions = (error: unknown, statusName: string): boolean =>
  error instanceof Error && error.message.includes(statusName);
