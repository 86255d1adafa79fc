/** Why there is no session, in words for the operator: what happened, and which side must do what. */
import { FieldlineError } from '@fieldline/shared/contracts';

/** CONNACK codes, MQTT 3.1.1 clause 3.2.2.3 and MQTT 5 clause 3.2.2.2. */
const wrongVersion: readonly number[] = [1, 132];
const wrongClientId: readonly number[] = [2, 133];
const noRight: readonly number[] = [4, 5, 134, 135];
/** The broker has no room or no time for us, and wants to be left alone for a while. */
const wantsLess: readonly number[] = [3, 136, 137, 150, 151, 159];

/** MQTT 5 clauses 3.2.2.2 and 3.14.2.1, and 3 of 3.1.1: what the broker means, and what helps. */
const meanings: Readonly<Record<number, string>> = {
  3: 'it is not available at the moment; look at the broker',
  136: 'it is not available at the moment; look at the broker',
  137: 'it is busy; it is tried again with growing pauses. If that lasts, the broker needs more room',
  138: 'it has banned this client; lift the ban there',
  139: 'it is shutting down; it is tried again',
  141: 'it heard nothing for longer than the keepalive; look at the network, or raise uplink.keepaliveMs',
  144: 'it does not take the topics of the agent; allow fieldline/… there',
  147: 'it was sent more at once than it takes; lower uplink.maxInFlight',
  149: 'a message was too large for it; lower uplink.maxBatchBytes, or raise the limit there',
  150: 'messages come too fast for it; raise the rate of this client there, or lower uplink.maxInFlight',
  151: 'the quota of this client is used up; raise it there. It is tried again with growing pauses',
  152: 'an administrator ended the session there',
  154: 'it keeps no retained messages, which the state of a gateway is; allow them there',
  155: 'it does not take messages with QoS 1; allow them there',
  156: 'it wants another broker to be used; put that one into uplink.broker',
  157: 'it has moved; put its new address into uplink.broker',
  159: 'too many clients connect at once; it is tried again with growing pauses',
  160: 'it ends sessions after a time; raise that there. The agent connects again',
};

/** Some brokers say nothing to a client whose MQTT version they do not know. */
export class NoAnswer extends Error {}

/** The broker ended a session with a DISCONNECT, which only MQTT 5 has. */
export class EndedByBroker extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number) {
    super(`the broker ended the session (MQTT reason ${reasonCode})`);
    this.reasonCode = reasonCode;
  }
}

/** The broker's side has become silent: see `liveness.ts`. */
export class LinkDead extends Error {}

type Login = { readonly broker: string; readonly username: string | undefined; readonly clientId: string };

const codeOf = (error: unknown): unknown => {
  if (error instanceof EndedByBroker) return error.reasonCode;
  return error instanceof Error && 'code' in error ? error.code : undefined;
};

export const isWrongVersion = (error: unknown): boolean => wrongVersion.includes(Number(codeOf(error)));
export const isThrottling = (error: unknown): boolean => wantsLess.includes(Number(codeOf(error)));

/** Why a session did not come about, or ended. */
export function explainRefusal(error: unknown, login: Login): FieldlineError {
  if (error instanceof FieldlineError) return error;
  const { broker } = login;
  if (error instanceof EndedByBroker) {
    return refused(`the broker ${broker} ended the session: ${meaningOf(error.reasonCode, error, login)}`, error);
  }
  const code = codeOf(error);
  if (typeof code === 'number') {
    return refused(`the broker ${broker} refused the session: ${meaningOf(code, error, login)}`, error);
  }
  return unreachable(`no connection to the broker ${broker}: ${reasonOf(error)}; ${adviceFor(error, broker)}`, error);
}

const refused = (message: string, cause: unknown): FieldlineError =>
  new FieldlineError('broker/refused', message, { cause });
const unreachable = (message: string, cause: unknown): FieldlineError =>
  new FieldlineError('broker/unreachable', message, { cause });

function meaningOf(code: number, error: unknown, { username, clientId }: Login): string {
  const who = username === undefined ? 'a client without user name' : `user ${username}`;
  if (noRight.includes(code))
    return `${who} has no right, or the password is wrong; check uplink.username and uplink.passwordFile`;
  if (wrongClientId.includes(code)) return `it does not take the client id ${clientId}; set uplink.clientId`;
  return meanings[code] ?? reasonOf(error);
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message || String(codeOf(error)) : String(error);

function adviceFor(error: unknown, broker: string): string {
  if (error instanceof LinkDead) return 'look at the network and the broker; it is tried again';
  const code = codeOf(error);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || /wrong version number/.test(reasonOf(error)))
    return 'no TLS is spoken at this port: take another, or mqtt:// or ws://';
  const isTls = typeof code === 'string' && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code);
  if (isTls) return 'check uplink.tls and the certificate of the broker';
  const isHttpAnswer = broker.startsWith('ws') && reasonOf(error).startsWith('Unexpected server response');
  if (isHttpAnswer) return 'check the path in uplink.broker, which is often /mqtt';
  const isHungUp = error instanceof NoAnswer || code === 'ECONNRESET' || code === 'EPIPE';
  if (isHungUp) return `check uplink.broker and the network; if it is so at once at each try, ${portHint(broker)}`;
  return 'check uplink.broker and the network';
}

/** Both ends hang up where only one of them speaks TLS. */
const portHint = (broker: string): string =>
  /^(mqtts|wss):/.test(broker)
    ? 'this may be its port without TLS, which wants mqtt:// or ws://, or it wants a client certificate'
    : 'this may be its port with TLS, which wants mqtts:// or wss://';
