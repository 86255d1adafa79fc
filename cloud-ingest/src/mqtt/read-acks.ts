/**
 * The acknowledgements that the broker keeps, as they were left there before this program began: what the database had
 * confirmed. Nobody says when the last of them has come, so it ends when none came for a while. A sample of them is enough for
 * who compares: brokers cut such a burst (Mosquitto at 1,000 messages), and so do we.
 */
import {
  type AckMessage,
  ackFilter,
  ackSchema,
  decodeMessage,
  isFieldlineError,
  parseTopic,
} from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import type { Session } from './session.ts';

const quietMs = 300;
const maxMs = 5_000;
const maxBytes = 8 * 1024 ** 2;

/** Empty where the broker lets us read none. Never rejects. */
export async function readRetainedAcks({ client, ended }: Session): Promise<readonly AckMessage[]> {
  const acks: AckMessage[] = [];
  let bytes = 0;
  let heardMs = performance.now();
  const hear = (topic: string, payload: Buffer, packet: { readonly retain: boolean }): void => {
    const gateway = packet.retain ? gatewayOf(topic) : null;
    if (gateway === null || bytes + payload.length > maxBytes) return;
    heardMs = performance.now();
    bytes += payload.length;
    const ack = ackOf(payload, gateway);
    if (ack !== null) acks.push(ack);
  };
  client.on('message', hear);
  try {
    await client.subscribeAsync(ackFilter(), { qos: 1 });
    const startedMs = performance.now();
    heardMs = startedMs;
    while (performance.now() - heardMs < quietMs && performance.now() - startedMs < maxMs)
      if (!(await pause(quietMs / 6, ended))) return acks;
    await client.unsubscribeAsync(ackFilter());
  } catch {
    // Refused, or the session ended: then they cannot be compared, and the next session is not for this.
  } finally {
    client.off('message', hear);
  }
  return acks;
}

const gatewayOf = (topic: string): string | null => {
  const parsed = parseTopic(topic);
  return parsed?.kind === 'ack' ? parsed.gateway : null;
};

function ackOf(payload: Buffer, gateway: string): AckMessage | null {
  try {
    return decodeMessage(ackSchema, payload, gateway);
  } catch (error) {
    if (isFieldlineError(error)) return null;
    throw error;
  }
}
