/**
 * One session, from nothing to ready and back to nothing. The library's own reconnecting is switched off (maxRetry 0): it
 * brings back sessions and items in ways that we can't see.
 *
 * A lost session is left as it is, for its connection may be dead; the next connection takes it over and goes on with it (OPC
 * 10000-4 6.7), with all that its subscriptions have kept meanwhile. Else each break of the line would leave one more session at
 * the server, and many servers have ten or fewer.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import { pause, readSecret } from '@fieldline/shared/runtime';
import { applicationName, type CertificateStore } from './certificates.ts';
import {
  type EndpointDescription,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  type Session,
  type UserIdentityInfo,
  UserTokenType,
  withRawServices,
} from './library.ts';
import { type EndpointPlan, sessionTimeoutMs } from './plan.ts';
import { mentions } from './trouble.ts';

export type OpenSession = {
  /** The one that was left, if the server still has it. */
  readonly session: Session;
  /** Rejects when the connection breaks or the server closes the session; never resolves. */
  readonly lost: Promise<never>;
  /** Says good-bye: nothing stays at the server. Like `leave`, it never rejects and a dead server can't hold it up. */
  readonly close: () => Promise<void>;
  /** Ends the connection only. The session stays at the server until the next `openSession` takes it over, or its time is up. */
  readonly leave: () => Promise<void>;
};

type Certificates = Awaited<ReturnType<CertificateStore['open']>>;

/** The library writes them as the specification's URIs do. */
const policies = {
  None: SecurityPolicy.None,
  Basic256Sha256: SecurityPolicy.Basic256Sha256,
  Aes128Sha256RsaOaep: SecurityPolicy.Aes128_Sha256_RsaOaep,
  Aes256Sha256RsaPss: SecurityPolicy.Aes256_Sha256_RsaPss,
} satisfies Record<EndpointPlan['security']['policy'], SecurityPolicy>;

/** A close that a dead server never answers is given up after this time. */
const closeWithinMs = 2_000;

export async function openSession(
  plan: EndpointPlan,
  store: CertificateStore,
  left: Session | null,
  signal: AbortSignal,
): Promise<OpenSession> {
  const certificates = await store.open();
  const serverCertificate =
    plan.security.mode === 'None' ? undefined : await trustedServerCertificate(plan, store, certificates, signal);
  const client = createClient(plan, certificates, plan.security, serverCertificate);
  const leave = (): Promise<void> => within(closeWithinMs, client.disconnect());
  try {
    await answered(() => client.connect(plan.endpoint), plan, signal);
    const isTakenOver = left !== null && (await takeOver(client, left, plan, signal));
    const session = isTakenOver
      ? left
      : withRawServices(await answered(() => client.createSession(identityOf(plan)), plan, signal));
    return { session, ...endings(client, session, leave) };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** A server that was restarted, or has let the session expire, refuses. One that does not answer is no reason for a second session. */
async function takeOver(client: OPCUAClient, left: Session, plan: EndpointPlan, signal: AbortSignal): Promise<boolean> {
  try {
    await answered(() => client.reactivateSession(left), plan, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (mentions(error, 'Bad')) return false;
    throw error;
  }
}

function endings(
  client: OPCUAClient,
  session: Session,
  leaveClient: () => Promise<void>,
): Omit<OpenSession, 'session'> {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const onClosed = (): void => lost.reject(new FieldlineError('device/unreachable', 'the server closed the session'));
  client.once('close', (error) => lost.reject(error ?? new Error('Connection Break')));
  session.once('session_closed', onClosed);
  const leave = (): Promise<void> => {
    // The session may outlive this connection many times over.
    session.off('session_closed', onClosed);
    return leaveClient();
  };
  const close = async (): Promise<void> => {
    await within(closeWithinMs, session.close(true));
    await leave();
  };
  return { lost: lost.promise, close, leave };
}

function createClient(
  plan: EndpointPlan,
  certificates: Certificates,
  security: EndpointPlan['security'],
  serverCertificate?: Buffer,
): OPCUAClient {
  return OPCUAClient.create({
    applicationName,
    clientName: 'fieldline',
    clientCertificateManager: certificates,
    securityMode: MessageSecurityMode[security.mode],
    securityPolicy: policies[security.policy],
    ...(serverCertificate === undefined ? {} : { serverCertificate }),
    // Many servers give out a host name that the gateway can't resolve; the one in the settings counts.
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    keepSessionAlive: false,
    keepPendingSessionsOnDisconnect: true,
    requestedSessionTimeout: sessionTimeoutMs(plan),
    // The library breaks connections that were quiet this long: that is for the publish loop to judge.
    transportTimeout: sessionTimeoutMs(plan),
    defaultTransactionTimeout: plan.timeoutMs,
  });
}

/** Asks for the endpoints without security, as OPC 10000-4 5.5.4 wants it, and takes only the one that the settings state. */
async function trustedServerCertificate(
  plan: EndpointPlan,
  store: CertificateStore,
  certificates: Certificates,
  signal: AbortSignal,
): Promise<Buffer> {
  const client = createClient(plan, certificates, { policy: 'None', mode: 'None' });
  try {
    await answered(() => client.connect(plan.endpoint), plan, signal);
    const endpoint = chooseEndpoint(plan, await answered(() => client.getEndpoints(), plan, signal));
    await store.check(certificates, endpoint.serverCertificate);
    return endpoint.serverCertificate;
  } finally {
    await within(closeWithinMs, client.disconnect());
  }
}

function chooseEndpoint({ security }: EndpointPlan, offered: readonly EndpointDescription[]): EndpointDescription {
  const wanted = offered.find(
    ({ securityMode, securityPolicyUri }) =>
      securityMode === MessageSecurityMode[security.mode] && securityPolicyUri === policies[security.policy],
  );
  if (wanted !== undefined) return wanted;
  const names = offered.map(
    ({ securityMode, securityPolicyUri }) => `${securityPolicyUri?.split('#')[1]}/${MessageSecurityMode[securityMode]}`,
  );
  throw new FieldlineError(
    'device/exception',
    `the server does not offer ${security.policy}/${security.mode}; it offers ${[...new Set(names)].join(', ')}: enable it there, or state one of these under security`,
  );
}

function identityOf({ user }: EndpointPlan): UserIdentityInfo {
  if (user === null) return { type: UserTokenType.Anonymous };
  const password = user.passwordFile === null ? '' : readSecret(user.passwordFile, 'passwordFile');
  return { type: UserTokenType.UserName, userName: user.name, password };
}

/** The library leaves some calls unanswered: when a server accepts the connection and stays silent, or when it is closed. */
async function answered<T>(work: () => Promise<T>, { timeoutMs }: EndpointPlan, closing: AbortSignal): Promise<T> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const finish = (): void => done.abort();
  work.then(finish, finish);
  await pause(ms, done.signal);
}
