/**
 * Notices that nothing comes of a partition although its log goes on: a connection on which answers got lost, or a library
 * that forgot to ask. Pure; its owner looks at the ends of the log and tells when it waits for room itself.
 */
export type Progress = {
  readonly partition: number;
  /** The next offset that is wanted. */
  readonly next: number;
  /** The next offset that the log will give. */
  readonly end: number;
};

export type FetchState =
  | 'flowing'
  /** For `stallMs` now: connect anew. */
  | 'stalled'
  /** Again after connecting anew, and nothing of any other partition came either: open another consumer. */
  | 'lost';

type Standing = { readonly next: number; sinceMs: number; stalls: number };

export class FetchWatch {
  private readonly stallMs: number;
  private standing = new Map<number, Standing>();

  constructor(stallMs: number) {
    this.stallMs = stallMs;
  }

  /** For when nothing is asked for: what stands still does so on purpose. */
  reset(): void {
    this.standing.clear();
  }

  look(progress: readonly Progress[], nowMs: number): FetchState {
    const still = new Map<number, Standing>();
    for (const { partition, next, end } of progress) {
      if (next >= end) continue;
      const before = this.standing.get(partition);
      still.set(partition, before?.next === next ? before : { next, sinceMs: nowMs, stalls: 0 });
    }
    this.standing = still;
    const stalled = [...still.values()].filter(({ sinceMs }) => nowMs - sinceMs >= this.stallMs);
    for (const each of stalled) {
      each.sinceMs = nowMs;
      each.stalls += 1;
    }
    if (stalled.length === 0) return 'flowing';
    return [...still.values()].every(({ stalls }) => stalls > 1) ? 'lost' : 'stalled';
  }
}
