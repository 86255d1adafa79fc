/**
 * Whether the link to the broker still carries anything. TCP alone notices a link that swallows everything after a quarter
 * of an hour, and not at all while nothing is sent. Invariants:
 *
 * - Only what the broker sends proves the link; what we send proves nothing.
 * - Silence is counted in looks and not on a clock: after a pause of the whole program (a frozen process, a suspended
 *   machine) what the broker sent meanwhile is read before the next look, so a pause never counts as a dead link.
 * - Nothing heard over a whole keepalive ends the session; half-way the broker is asked for a sign of life (PINGREQ).
 */

/** Looks in the time of one keepalive. */
export const looksPerKeepalive = 8;
const looksBeforePing = looksPerKeepalive / 2;
/** A broker that answers pings but no publish has this many keepalives for it: slow is not dead. */
export const keepalivesForAnswer = 4;

export type Verdict = 'well' | 'ask' | 'dead' | 'stuck';

export class Liveness {
  private silentLooks = 0;
  private idleLooks = 0;
  private unansweredLooks = 0;

  /** Any packet from the broker. */
  heard(): void {
    this.silentLooks = 0;
  }

  /** Any packet to the broker: the broker too ends a session in which it hears nothing (MQTT 5 clause 3.1.2.10). */
  said(): void {
    this.idleLooks = 0;
  }

  /** The answer to a publish. */
  answered(): void {
    this.unansweredLooks = 0;
  }

  /** To be called `looksPerKeepalive` times in a keepalive. */
  look(unanswered: number): Verdict {
    this.silentLooks += 1;
    this.idleLooks += 1;
    this.unansweredLooks = unanswered === 0 ? 0 : this.unansweredLooks + 1;
    if (this.silentLooks >= looksPerKeepalive) return 'dead';
    if (this.unansweredLooks >= keepalivesForAnswer * looksPerKeepalive) return 'stuck';
    const isDue = this.silentLooks % 2 === 0 && this.silentLooks >= looksBeforePing;
    return isDue || this.idleLooks >= looksBeforePing ? 'ask' : 'well';
  }
}
