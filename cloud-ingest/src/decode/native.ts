import {
  birthSchema,
  decodeBatch,
  decodeMessage,
  FieldlineError,
  identityOf,
  type MessageKind,
  parseTopic,
  stateSchema,
  TagLists,
} from '@fieldline/shared/contracts';
import type { Content, Decoder } from './decoder.ts';

const claims = (kind: MessageKind) => (mqttTopic: string) => {
  const parsed = parseTopic(mqttTopic);
  return parsed?.kind === kind ? parsed.gateway : null;
};

/** Shared by all that decode in this process: it only saves work. */
const tagLists = new TagLists();

export const nativeBatch: Decoder = {
  name: 'native-batch',
  claims: claims('batch'),
  decode: (bytes, gateway) => {
    const result = decodeBatch(bytes, gateway, tagLists);
    if (result.ok) return { kind: 'batch', gateway, batch: result.batch };
    const { code, reason } = result;
    return { kind: 'reject', gateway, stage: 'decode', code, reason, identity: identityOf(bytes, gateway) };
  },
};

export const nativeState: Decoder = {
  name: 'native-state',
  claims: claims('state'),
  decode: (bytes, gateway) =>
    rejecting(gateway, () => ({ kind: 'state', gateway, state: decodeMessage(stateSchema, bytes, gateway) })),
};

export const nativeBirth: Decoder = {
  name: 'native-birth',
  claims: claims('birth'),
  decode: (bytes, gateway) =>
    rejecting(gateway, () => ({ kind: 'birth', gateway, birth: decodeMessage(birthSchema, bytes, gateway) })),
};

function rejecting(gateway: string, read: () => Content): Content {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FieldlineError)) throw error;
    return { kind: 'reject', gateway, stage: 'decode', code: error.code, reason: error.message, identity: null };
  }
}
