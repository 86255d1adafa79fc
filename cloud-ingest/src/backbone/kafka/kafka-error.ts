/** What KafkaJS throws, in the words of the contract. Its error types are those of the protocol (Kafka, error codes). */
import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';

const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const refused = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
]);
const refusedNames = new Set(['KafkaJSSASLAuthenticationError']);

/** What Node says of a certificate that does not fit (OpenSSL, X509_V_ERR_…; Node, ERR_TLS_…). */
const certificate = /CERT|LEAF_SIGNATURE|ERR_TLS|ISSUER/;

export function kafkaError(error: unknown, brokers: readonly string[], doing: string): FieldlineError {
  if (isFieldlineError(error)) return error;
  const chain = causesOf(error);
  const innermost = chain.at(-1)?.message ?? String(error);
  const at = `Kafka (${brokers.join(', ')})`;
  if (chain.some(({ type }) => tooLarge.has(type))) {
    return new FieldlineError('record/too-large', `${doing}: ${at} refuses the size of a record`, { cause: error });
  }
  if (chain.some(({ type, name }) => refused.has(type) || refusedNames.has(name))) {
    return new FieldlineError(
      'backbone/refused',
      `${doing}: ${at} refused us: ${innermost}. Check backbone.sasl and the rights of its user on topics and groups`,
      { cause: error },
    );
  }
  return new FieldlineError('backbone/unreachable', `${doing}: ${at}: ${innermost}. ${adviceFor(chain)}`, {
    cause: error,
  });
}

function adviceFor(chain: readonly Link[]): string {
  if (chain.some(({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION')) {
    return 'The topic is gone: make it again, or start fieldline-ingest again, which makes it with its settings; the flow goes on by itself';
  }
  if (chain.some(({ code }) => certificate.test(code))) {
    return 'Set backbone.tls.caFile to the certificate of the authority that signed for the brokers, under the names in backbone.brokers';
  }
  if (chain.some(({ code, name }) => code === 'EPROTO' || name === 'KafkaJSConnectionClosedError')) {
    return 'Check that it runs, and whether this port wants TLS (backbone.tls) and a user (backbone.sasl) or neither';
  }
  return 'Check that it runs and that backbone.brokers names it as seen from this machine';
}

/** Whether the error, or one that caused it, is this one of the protocol. */
export const isKafkaError = (error: unknown, wanted: string): boolean =>
  causesOf(error).some(({ type }) => type === wanted);

type Link = { readonly name: string; readonly message: string; readonly type: string; readonly code: string };

function causesOf(error: unknown): Link[] {
  const chain: Link[] = [];
  let at: unknown = error;
  while (at instanceof Error && chain.length < 10) {
    const type = 'type' in at && typeof at.type === 'string' ? at.type : '';
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    chain.push({ name: at.name, message: at.message, type, code });
    // What went wrong with each of several topics stands in one error around them.
    at = at.cause ?? ('errors' in at && Array.isArray(at.errors) ? at.errors[0] : undefined);
  }
  return chain;
}
