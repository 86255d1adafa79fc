/**
 * Judges whether a bridge that should receive does. Each round begins with a control: a message from our second connection to
 * itself. Only when it comes back is the probe sent, on a topic that the bridge's own filter matches. So three things are told
 * apart: a broker or a right that is not there (nothing can be said), a quiet site (the probe comes), and a subscription or
 * session that is dead (the control comes, the probe does not, and nothing else does either).
 */
export type Round =
  /** Nothing could come. */
  | 'held'
  /** The control did not come back. */
  | 'untested'
  | 'receives'
  | 'missed';

export type Watchdog = {
  /** The control came back: the probe may go out. */
  readonly controlCame: () => void;
  /** Anything came through the bridge's own subscription, or a member of its share group has the probe. */
  readonly received: () => void;
  /**
   * Ends a round and begins the next. `held` is true where nothing could come: no session, or a window that is full.
   * @returns how the round was
   */
  readonly next: (held: boolean) => Round;
  /** Rounds missed since the last one in which something came. */
  readonly missed: () => number;
};

/** A message may be under way when a round ends: one alone means nothing. */
export const patienceRounds = 3;

export function createWatchdog(): Watchdog {
  let began = false;
  let probed = false;
  let came = false;
  let heldSince = false;
  let missed = 0;

  function judge(): Round {
    if (came) return 'receives';
    if (!began || heldSince) return 'held';
    return probed ? 'missed' : 'untested';
  }

  return {
    controlCame: () => {
      probed = true;
    },
    received: () => {
      came = true;
    },
    next: (held) => {
      heldSince ||= held;
      const round = judge();
      if (round === 'receives') missed = 0;
      if (round === 'missed') missed += 1;
      began = true;
      probed = false;
      came = false;
      heldSince = held;
      return round;
    },
    missed: () => missed,
  };
}
