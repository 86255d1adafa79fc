/**
 * The time of a sample. What is known of the instant at which a device took its value is that it lay within the round trip
 * of the request; the middle is right to half of that. Turns come at even intervals, and the timers of this machine and the
 * network scatter their middles by a millisecond or so: digits that say nothing of the value, and take most of the room that
 * a time takes in a database. So a reply that comes within the tolerance of the beat of its request is stamped on the beat.
 *
 * A time is moved by the tolerance at most, and never to after the reply was here: then the samples of a tag have rising
 * times whatever is moved, since the next request is sent only after that. Needs a tolerance well below the period.
 */
import type { Micros } from '@fieldline/shared/contracts';

/** `middle` and `end` of the round trip. */
export type Beat = (middle: Micros, end: Micros) => Micros;

/** So many replies in a row beside the beat are a new one: the wall clock was set, or the device has become slower. */
const repliesOfNewBeat = 3;

export function createBeat(everyMs: number, toleranceMs: number): Beat {
  const everyMicros = everyMs * 1_000;
  const toleranceMicros = toleranceMs * 1_000;
  let last: Micros | null = null;
  let repliesBeside = 0;
  return (middle, end) => {
    const beats = last === null ? 0 : Math.round((middle - last) / everyMicros);
    const due: Micros = (last ?? middle) + beats * everyMicros;
    const isEarly = due > end || middle < due - toleranceMicros;
    if (beats > 0 && !isEarly && middle <= due + toleranceMicros) {
      last = due;
      repliesBeside = 0;
      return due;
    }
    repliesBeside += 1;
    // Replies are late for many reasons and early for none: it is the earliest that sets the beat.
    if (beats < 1 || isEarly || repliesBeside >= repliesOfNewBeat) {
      last = middle;
      repliesBeside = 0;
    }
    return middle;
  };
}
