import { type Backoff, createBackoff } from '@fieldline/shared/runtime';

/** So many requests in a row without an answer, and a unit is asked only now and then. */
const silentLimit = 3;
const firstPauseTimeouts = 5;
/** In the end a silent unit takes its bus for one time-out of fifty: 2 %. */
const lastPauseTimeouts = 50;

/** What counts as no answer: none, or nothing that could be read. */
export type Silence = 'timeout' | 'garbled';

/**
 * What a silent unit may cost its bus: a circuit breaker for one unit of one link. After `silentLimit` time-outs in a row it is
 * left alone for pauses that grow; at the end of each a single request is let through, and one answer puts all right.
 */
export class UnitGuard {
  private silences = 0;
  private reason: Silence = 'timeout';
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private readonly pauses: Backoff;

  constructor(timeoutMs: number, random?: () => number) {
    this.pauses = createBackoff({
      firstMs: timeoutMs * firstPauseTimeouts,
      maxMs: timeoutMs * lastPauseTimeouts * 2,
      ...(random === undefined ? {} : { random }),
    });
  }

  get isOpen(): boolean {
    return this.silences >= silentLimit;
  }

  mayAsk(nowMs: number): boolean {
    return nowMs >= this.notBeforeMs;
  }

  /** True if the unit had been given up. */
  answered(): boolean {
    const wasOpen = this.isOpen;
    this.silences = 0;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
    this.pauses.reset();
    return wasOpen;
  }

  get because(): Silence {
    return this.reason;
  }

  /** `holdOffMs`: not asked again that long in any case. True if the unit is given up by this. */
  silent(reason: Silence, nowMs: number, holdOffMs: number): boolean {
    this.silences += 1;
    this.reason = reason;
    this.notBeforeMs = nowMs + (this.isOpen ? this.pauses.next() : holdOffMs);
    return this.silences === silentLimit;
  }
}
