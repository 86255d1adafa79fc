/** What went wrong with a session, in the words of the contract. Codes: MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2. */
import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';

const unacceptableProtocol = new Set([0x01, 0x84]);
const refusals: Readonly<Record<number, string>> = {
  2: 'it refuses the client id: set another mqtt.clientId',
  4: 'it refuses user or password: check mqtt.username and mqtt.passwordFile',
  5: 'it refuses this user: check its rights, mqtt.username and mqtt.passwordFile',
  133: 'it refuses the client id: set another mqtt.clientId',
  134: 'it refuses user or password: check mqtt.username and mqtt.passwordFile',
  135: 'it refuses this user: check its rights, mqtt.username and mqtt.passwordFile',
  138: 'it has banned this client',
  140: 'it wants another way of authentication',
  142: 'another client has connected with the same client id: set another mqtt.clientId in one of the two',
};

/** Node's codes of a TLS handshake that failed begin with these. */
const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

export const refusesProtocol = (error: unknown): boolean => {
  const code = codeOf(error);
  return typeof code === 'number' && unacceptableProtocol.has(code);
};

export function sessionError(error: unknown, broker: string): FieldlineError {
  if (isFieldlineError(error)) return error;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const refusal = typeof code === 'number' ? refusals[code] : undefined;
  if (refusal !== undefined) {
    return new FieldlineError('broker/refused', `MQTT broker ${broker}: ${refusal}`, { cause: error });
  }
  if (typeof code === 'string' && tlsCode.test(code)) {
    return new FieldlineError('broker/refused', `MQTT broker ${broker}: TLS: ${message}. Check mqtt.tls`, {
      cause: error,
    });
  }
  return new FieldlineError('broker/unreachable', `MQTT broker ${broker}: ${message || String(code)}`, {
    cause: error,
  });
}
