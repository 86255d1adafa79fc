import { FieldlineError } from '@fieldline/shared/contracts';

/** CONNACK codes, MQTT 3.1.1 clause 3.2.2.3 and MQTT 5 clause 3.2.2.2. */
const wrongVersion: readonly number[] = [1, 132];
const wrongClientId: readonly number[] = [2, 133];
const wrongPassword: readonly number[] = [4, 134];
const notAuthorized: readonly number[] = [5, 135];

type Login = { readonly broker: string; readonly username: string | undefined; readonly clientId: string };

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

export const isWrongVersion = (error: unknown): boolean => wrongVersion.includes(Number(codeOf(error)));

/** Why a session did not come about, in words for the operator. */
export function explainRefusal(error: unknown, { broker, username, clientId }: Login): FieldlineError {
  const code = codeOf(error);
  const refused = (reason: string): FieldlineError =>
    new FieldlineError('broker/refused', `the broker ${broker} refused the session: ${reason}`, { cause: error });
  if (error instanceof FieldlineError) return error;
  if (typeof code === 'number') {
    const who = username === undefined ? 'a client without user name' : `user ${username}`;
    if (wrongPassword.includes(code) || notAuthorized.includes(code))
      return refused(`${who} has no right, or the password is wrong; check uplink.username and uplink.passwordFile`);
    if (wrongClientId.includes(code)) return refused(`it does not take the client id ${clientId}; set uplink.clientId`);
    return refused(error instanceof Error ? error.message : String(code));
  }
  const reason = error instanceof Error ? error.message || String(code) : String(error);
  const isTls = typeof code === 'string' && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code);
  const advice = isTls ? 'check uplink.tls and the certificate of the broker' : 'check uplink.broker and the network';
  return new FieldlineError('broker/unreachable', `no connection to the broker ${broker}: ${reason}; ${advice}`, {
    cause: error,
  });
}
