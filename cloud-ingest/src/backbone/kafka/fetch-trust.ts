/**
 * Whether a fetch may go on from where the one before it ended, or has to look at the last known record again: a topic that
 * is deleted and made again shows for a moment only, in an error of a fetch that the library swallows. So it is doubted
 * after every fetch that did not end well, after a connection was lost, and after a pause.
 */
const trustMs = 3_000;

export class FetchTrust {
  private readonly lost: () => number;
  private lostBefore = 0;
  /** Per broker, when the last fetch ended well; none while one is under way. */
  private readonly endedMs = new Map<string, number>();

  /** `lost`: connections lost so far. */
  constructor(lost: () => number) {
    this.lost = lost;
  }

  /** Of a fetch that begins. */
  isDoubtful(broker: string, nowMs: number): boolean {
    const endedMs = this.endedMs.get(broker);
    const lost = this.lost();
    const doubtful = endedMs === undefined || nowMs - endedMs > trustMs || lost > this.lostBefore;
    this.endedMs.delete(broker);
    this.lostBefore = lost;
    return doubtful;
  }

  endedWell(broker: string, nowMs: number): void {
    this.endedMs.set(broker, nowMs);
  }
}
