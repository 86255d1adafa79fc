/**
 * Two agents with one client id throw each other out: the broker takes the session from one when the other connects. With
 * MQTT 5 it can say so. Where it does not (MQTT 3.1.1 has no words for it, Mosquitto 2.0.11 uses none), that can only be
 * supposed, from sessions that come about and end again and again.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import { EndedByBroker } from './refusal.ts';

/** DISCONNECT, MQTT 5 clause 3.14.2.1. */
const sessionTakenOver = 0x8e;
/** A session that lasted this long was a good one. */
export const goodSessionMs = 10_000;
/** So many short sessions in a row are no accident. */
const suspiciousEnds = 3;

export class Rivalry {
  private readonly gateway: string;
  private shortInRow = 0;

  constructor(gateway: string) {
    this.gateway = gateway;
  }

  /** A session came about and ended: what a second client with the same id has to do with it; null if nothing speaks for one. */
  explain(reason: unknown, broker: string, lastedMs: number): FieldlineError | null {
    this.shortInRow = lastedMs < goodSessionMs ? this.shortInRow + 1 : 0;
    const question = `is gateway id ${this.gateway} (or uplink.clientId) used twice?`;
    if (reason instanceof EndedByBroker) {
      return reason.reasonCode === sessionTakenOver
        ? this.error(`another client took the session at the broker ${broker}: ${question}`, reason)
        : null;
    }
    if (this.shortInRow < suspiciousEnds) return null;
    const seen = `the broker ${broker} takes the session, but the connection is lost again and again soon after`;
    return this.error(`${seen}; perhaps another client takes it: ${question}`, reason);
  }

  private error(message: string, cause: unknown): FieldlineError {
    return new FieldlineError('broker/refused', message, { cause });
  }
}
