/**
 * Exceptions that pass (Application Protocol v1.1b3, 7): a device that is busy (06), or has accepted a request and takes its
 * time (05), is asked again after pauses; one that failed (04) is asked once more at once. What the device cannot do or does
 * not have (01, 02, 03) is not asked again, nor what its gateway says of it (0A, 0B).
 */
const pausesMsOf: Readonly<Record<number, readonly number[]>> = {
  4: [0],
  5: [100, 400],
  6: [100, 400],
};
/** Others wait meanwhile. Where it was in vain, that is not done again for so many times as long: it may cost them 2 %. */
const restPerCost = 50;
/** So many repetitions of damaged replies in a row were in vain: they help nothing, until a reply can be read. */
const maxDamagedInVain = 3;

export class UnitRetries {
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private damagedInVain = 0;

  /** The pause before the next try, or null: this answer is final. */
  pauseMs(exceptionCode: number, tries: number, nowMs: number): number | null {
    if (nowMs < this.notBeforeMs) return null;
    return pausesMsOf[exceptionCode]?.[tries] ?? null;
  }

  inVain(costMs: number, nowMs: number): void {
    this.notBeforeMs = nowMs + costMs * restPerCost;
  }

  get mayRepeatDamaged(): boolean {
    return this.damagedInVain < maxDamagedInVain;
  }

  repeatedInVain(): void {
    this.damagedInVain += 1;
  }

  cameWhole(): void {
    this.damagedInVain = 0;
  }
}
