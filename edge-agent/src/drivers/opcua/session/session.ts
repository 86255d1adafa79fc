/**
 * One session, from nothing to ready and back to nothing. The library's own reconnecting is switched off (maxRetry 0): it
 * brings back sessions and items in ways that we can't see.
 *
 * A lost session is left as it is, for its connection may be dead; the next connection takes it over and goes on with it (OPC
 * 10000-4 6.7), with all that its subscriptions have kept meanwhile. Else each break of the line would leave one more session at
 * the server, and many servers have ten or fewer.
 */
import type { OpcuaSecurity } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import {
  keyPairOf,
  MessageSecurityMode,
  OPCUAClient,
  type Session,
  type UserIdentityInfo,
  withRawServices,
} from '../library.ts';
import { type EndpointPlan, sessionTimeoutMs } from '../plan.ts';
import { mentions, refusesCertificate, whileSecuring } from '../trouble.ts';
import type { CertificateStore } from '../trust/certificates.ts';
import { applicationName, type OwnCertificate } from '../trust/own-certificate.ts';
import {
  type Choice,
  certificatesOf,
  chooseEndpoint,
  policyUris,
  securityName,
  serverUriOf,
} from './endpoint-choice.ts';
import { readIdentity } from './identity.ts';

export type OpenSession = {
  /** The one that was left, if the server still has it. */
  readonly session: Session;
  readonly isTakenOver: boolean;
  /** As stated, or the strongest that the server offers. */
  readonly security: OpcuaSecurity;
  /** What is odd and yet accepted, for the operator. */
  readonly oddities: readonly string[];
  /** Rejects when the connection breaks or the server closes the session; never resolves. */
  readonly lost: Promise<never>;
  /** Says good-bye: nothing stays at the server. Like `leave`, it never rejects and a dead server can't hold it up. */
  readonly close: () => Promise<void>;
  /** Ends the connection only. The session stays at the server until the next `openSession` takes it over, or its time is up. */
  readonly leave: () => Promise<void>;
};

/** A close that a dead server never answers is given up after this time. */
const closeWithinMs = 2_000;

export async function openSession(
  plan: EndpointPlan,
  store: CertificateStore,
  left: Session | null,
  signal: AbortSignal,
): Promise<OpenSession> {
  const [first, ...others] = await store.open();
  if (first === undefined) throw new Error('the store has no certificate of our own');
  const intent = await prepare(plan, store, first, signal);
  try {
    return await openAs(first, plan, intent, left, signal);
  } catch (error) {
    const [older] = others;
    if (older === undefined || signal.aborted || !refusesCertificate(error)) throw error;
    return await openAs(older, plan, intent, left, signal);
  }
}

/** All that is known before the connection is made that carries the session. */
type Intent = {
  readonly security: OpcuaSecurity;
  readonly identity: UserIdentityInfo;
  /** Of the server, checked: what is encrypted for it or signed for it, is by this one. */
  readonly certificate: Buffer | null;
  /** null: nothing was asked before, for there is nothing to choose or to check. */
  readonly choice: Choice | null;
  readonly oddities: readonly string[];
};

async function prepare(
  plan: EndpointPlan,
  store: CertificateStore,
  own: OwnCertificate,
  signal: AbortSignal,
): Promise<Intent> {
  const identity = readIdentity(plan.identity, new Date());
  if (plan.security?.mode === 'None' && plan.identity.kind === 'anonymous') {
    return { security: plan.security, identity, certificate: null, choice: null, oddities: [] };
  }
  const choice = chooseEndpoint(plan, await askServer(plan, own, signal, (client) => client.getEndpoints()));
  const { security, isReadable, endpoint } = choice;
  // A password over security None is encrypted by the certificate of the server as well.
  if (security.mode === 'None' && isReadable) return { security, identity, certificate: null, choice, oddities: [] };
  const certificate = certificatesOf(endpoint);
  const by = { endpoint: plan.endpoint, applicationUri: serverUriOf(endpoint) };
  return { security, identity, certificate, choice, oddities: await store.check(certificate, by) };
}

/** Without security, as OPC 10000-4 5.5.4 wants it: what is chosen of it is asked for again over the secured line. */
export async function askServer<T>(
  plan: EndpointPlan,
  own: OwnCertificate,
  signal: AbortSignal,
  ask: (client: OPCUAClient) => Promise<T>,
): Promise<T> {
  const client = createClient(plan, own, { policy: 'None', mode: 'None' }, null);
  try {
    await answered(() => client.connect(plan.endpoint), plan, signal);
    return await answered(() => ask(client), plan, signal);
  } finally {
    await within(closeWithinMs, client.disconnect());
  }
}

async function openAs(
  own: OwnCertificate,
  plan: EndpointPlan,
  { security, identity, certificate, choice, oddities }: Intent,
  left: Session | null,
  signal: AbortSignal,
): Promise<OpenSession> {
  const client = createClient(plan, own, security, certificate);
  const leave = (): Promise<void> => within(closeWithinMs, client.disconnect());
  try {
    await answered(() => client.connect(plan.endpoint), plan, signal).catch((error: unknown) => {
      throw security.mode === 'None' ? error : whileSecuring(error);
    });
    await chooseAgain(client, plan, choice, signal);
    const isTakenOver = left !== null && (await takeOver(client, left, plan, signal));
    const session = isTakenOver
      ? left
      : withRawServices(await answered(() => client.createSession(identity), plan, signal));
    return { session, isTakenOver, security, oddities, ...endings(client, session, leave) };
  } catch (error) {
    await leave();
    throw error;
  }
}

/**
 * The list that came over the open line could have been changed on its way, to make us choose less. And of the user tokens, the
 * library takes by its own rules: it is left the one that is ours. It keeps the very descriptions that it gives here.
 */
async function chooseAgain(
  client: OPCUAClient,
  plan: EndpointPlan,
  before: Choice | null,
  signal: AbortSignal,
): Promise<void> {
  const offered = await answered(() => client.getEndpoints(), plan, signal);
  const { endpoint, token } = chooseEndpoint(plan, offered);
  const isSame =
    before === null ||
    (securityName(endpoint) === securityName(before.endpoint) &&
      serverUriOf(endpoint) === serverUriOf(before.endpoint) &&
      certificatesOf(endpoint).equals(certificatesOf(before.endpoint)));
  if (!isSame) {
    throw new FieldlineError(
      'device/exception',
      `the server offers ${securityName(endpoint)} over the secured line, and ${securityName(before.endpoint)} or another certificate or name over the open one: somebody on the network changes its answers, or it was just set up anew`,
    );
  }
  for (const each of offered) {
    if (securityName(each) === securityName(endpoint)) each.userIdentityTokens = [token];
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
): Pick<OpenSession, 'lost' | 'close' | 'leave'> {
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
  own: OwnCertificate,
  security: OpcuaSecurity,
  serverCertificate: Buffer | null,
): OPCUAClient {
  return OPCUAClient.create({
    applicationName,
    clientName: 'fieldline',
    certificateKeyPairProvider: keyPairOf(
      own.chain.map(({ raw }) => raw),
      own.key,
    ),
    securityMode: MessageSecurityMode[security.mode],
    securityPolicy: policyUris[security.policy],
    ...(serverCertificate === null ? {} : { serverCertificate }),
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
