/** What went wrong with a server, in words for the operator: which side must do what. */
import { type ErrorCode, FieldlineError } from '@fieldline/shared/contracts';
import type { EndpointPlan } from './plan.ts';

type DeviceErrorCode = Extract<ErrorCode, `device/${string}`>;
type Hint = readonly [
  pattern: RegExp,
  code: DeviceErrorCode,
  words: (plan: EndpointPlan, certificate: string) => string,
];

const refusedUser = ({ identity }: EndpointPlan): string => {
  switch (identity.kind) {
    case 'anonymous':
      return 'the server lets no anonymous user in: set username and passwordFile';
    case 'password':
      return `the server refused the user ${identity.name}: correct username and passwordFile, or give the user rights on the server`;
    case 'certificate':
      return `the server refused the user certificate ${identity.certificateFile}: on the server, trust it among those of users, and give it rights`;
  }
};

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
  [/BadUserAccessDenied|BadIdentityTokenRejected|BadUserSignatureInvalid/, 'device/exception', refusedUser],
  [
    /BadIdentityTokenInvalid/,
    'device/exception',
    () =>
      'the server cannot read what the user logs in with. One whose system has PKCS#1 v1.5 switched off cannot decrypt passwords by Basic128Rsa15: offer a newer policy for user tokens there',
  ],
  [
    /BadCertificate(Issuer)?TimeInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `to the server our certificate is not valid now: compare its clock with ours, ${new Date().toISOString()}, and with the dates of ${certificate}`,
  ],
  [
    /BadCertificateUriInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `the server finds another application URI than the one in ${certificate}: delete the file, a new one is made`,
  ],
  [
    /BadCertificateHostNameInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `the server misses the name of this machine in ${certificate}: delete the file, a new one is made`,
  ],
  [
    /BadCertificate(Issuer)?Revoked/,
    'device/exception',
    (_plan, certificate) =>
      `to the server our certificate was revoked: put a new one from its authority into ${certificate}, with its key`,
  ],
  [
    /BadCertificate(ChainIncomplete|(Issuer)?RevocationUnknown)/,
    'device/exception',
    (_plan, certificate) =>
      `the server cannot check ${certificate}: give it the certificate of the authority that issued it, and its revocation list`,
  ],
  [
    /BadCertificate(Issuer)?UseNotAllowed|BadCertificatePolicyCheckFailed/,
    'device/exception',
    (_plan, certificate) =>
      `the server does not allow ${certificate} for a client: have one issued with the key usages of OPC UA, or delete the file for one that is made here`,
  ],
  [
    /BadSecurityPolicyRejected|BadSecurityModeRejected/,
    'device/exception',
    () => 'the server offers this security and then refuses it: switch the policy on there, or state another one',
  ],
  [
    /BadSecurityChecksFailed|BadCertificate|BadApplicationSignatureInvalid/,
    'device/exception',
    (_plan, certificate) =>
      `the server does not trust this gateway: on the server, trust its certificate (${certificate})`,
  ],
  [
    /closed while it was secured/,
    'device/exception',
    (_plan, certificate) =>
      `the server closed the connection while it was secured. Many do so with clients that they do not trust: on the server, trust the certificate ${certificate}`,
  ],
  [
    /BadSession(Closed|IdInvalid|NotActivated)/,
    'device/unreachable',
    ({ endpoint }) => `the server at ${endpoint} has closed the session`,
  ],
  [/BadTooManySessions/, 'device/exception', () => 'the server has no session left: close others, or raise its limit'],
  [
    /BadTcpNotEnoughResources|BadTcpServerTooBusy|BadSecureChannelLimit|BadTooManyConnections/,
    'device/exception',
    () => 'the server has no connection left: close those of other clients, or raise its limit',
  ],
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

/** Nothing is said of the reason when a server closes the line; that it happened while it was secured tells the likeliest. */
export function whileSecuring(error: unknown): unknown {
  if (!(error instanceof Error) || !/third party|ECONNRESET|premature/.test(error.message)) return error;
  return new Error('closed while it was secured', { cause: error });
}

/** Whether the server was there and did not take our certificate: it may take another one. */
export const refusesCertificate = (error: unknown): boolean =>
  error instanceof Error &&
  !(error instanceof FieldlineError) &&
  /BadCertificate|BadSecurityChecksFailed|BadApplicationSignatureInvalid|while it was secured/.test(error.message);

export const mentions = (error: unknown, statusName: string): boolean =>
  error instanceof Error && error.message.includes(statusName);
