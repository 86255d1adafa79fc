import type { Tag } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { CommandStore } from './store.ts';
import type { FindTarget } from './targets.ts';

const minuteMs = 60_000;

/** How fast commands may come: of the gateway as a whole, and of each tag. */
export class Pace {
  private readonly mostPerMinute: number;
  private readonly clock: Clock;
  private room: number;
  private filledAtMs: number;
  private readonly told = new Map<Tag, number>();

  constructor(mostPerMinute: number, clock: Clock) {
    this.mostPerMinute = mostPerMinute;
    this.clock = clock;
    this.room = mostPerMinute;
    this.filledAtMs = clock.monotonicMs();
  }

  /** Whether one more may come; then it counts. */
  allows(): boolean {
    const nowMs = this.clock.monotonicMs();
    const grown = ((nowMs - this.filledAtMs) / minuteMs) * this.mostPerMinute;
    this.room = Math.min(this.mostPerMinute, this.room + grown);
    this.filledAtMs = nowMs;
    if (this.room < 1) return false;
    this.room -= 1;
    return true;
  }

  /** What an earlier process has told the tag counts as well. */
  recall(store: CommandStore, findTarget: FindTarget): void {
    const now = this.clock.now();
    for (const { device, tag, at } of store.told(now)) {
      const target = findTarget(device, tag);
      if (target === undefined || target === null) continue;
      // By a clock that was set back since it was just now.
      this.told.set(target.tag, this.clock.monotonicMs() - Math.max(0, now - at) / 1_000);
    }
  }

  /** Whether the tag was told something less than this ago; if not, it is now. */
  isTooSoon(tag: Tag, atMostEveryMs: number): boolean {
    const nowMs = this.clock.monotonicMs();
    const lastMs = this.told.get(tag);
    if (lastMs !== undefined && nowMs - lastMs < atMostEveryMs) return true;
    this.told.set(tag, nowMs);
    return false;
  }
}
