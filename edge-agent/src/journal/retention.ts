import { classRank, countOf, type Micros } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import type { Chance } from './outage.ts';
import type { Segment } from './segment.ts';
import { roomBytes, type Space } from './space.ts';
import type { Store } from './store.ts';
import { isBelieved } from './undated/boot.ts';

export type Bounds = {
  readonly maxBytes: number;
  /** While the disk has less than this left, or a twentieth of it if that is less, the files do not grow. */
  readonly keepFreeBytes: number;
  /** Of what is not confirmed; undefined: kept as long as there is room. */
  readonly maxAgeMs?: number | undefined;
  readonly keepConfirmedForMs: number;
};

/** Segments whose loss has to be declared before they go, in the order in which they go. */
export type ToDrop = { readonly segments: readonly Segment[]; readonly reason: 'age-bound' | 'disk-bound' };

/**
 * A clock that stands ahead is given so long to be put right before it makes anything too old, but no more than a tenth of the age. Only
 * what an earlier process has left goes by that clock.
 */
const mostGraceMs = 600_000;

/** Decides which segments go. The one that is being written never does. */
export class Retention {
  private readonly store: Store;
  private readonly bounds: Bounds;
  private readonly log: Log;
  private readonly confirmedSinceMs = new WeakMap<Segment, number>();
  private readonly oldSinceMs = new WeakMap<Segment, number>();
  /** When it was last seen being written, by the clock that is never stepped. */
  private readonly writtenAtMs = new WeakMap<Segment, number>();
  /** Size of the files when the disk began to be short of room; undefined while it is not. */
  private shortAtBytes: number | undefined;

  constructor(store: Store, bounds: Bounds, log: Log) {
    this.store = store;
    this.bounds = bounds;
    this.log = log;
  }

  /** All of a segment is confirmed but what a cloud that answers may not have had the time for; and nothing keeps it then. */
  readonly goesSoon = (segment: Segment): boolean => {
    const batches = segment.last - segment.name.first + 1;
    return this.bounds.keepConfirmedForMs === 0 && countOf(this.store.unconfirmedIn(segment)) <= batches / 4;
  };

  /** Removes the segments that are confirmed, when they were kept long enough. */
  removeConfirmed(nowMs: number): void {
    for (const segment of this.confirmed()) {
      if (lastedMs(this.confirmedSinceMs, segment, nowMs) >= this.bounds.keepConfirmedForMs) this.remove(segment);
    }
  }

  /** What nobody asks for any more. `now`: by the clock on the wall; `nowMs`: by one that is never stepped. */
  outdated(now: Micros, nowMs: number): ToDrop {
    const { maxAgeMs } = this.bounds;
    if (maxAgeMs === undefined) return { segments: [], reason: 'age-bound' };
    for (const segment of this.beingWritten()) this.writtenAtMs.set(segment, nowMs);
    const segments = this.finished().filter((segment) => {
      const writtenAtMs = this.writtenAtMs.get(segment);
      if (writtenAtMs !== undefined) return nowMs - writtenAtMs > maxAgeMs;
      return this.isOldByWallClock(segment, now, nowMs, maxAgeMs);
    });
    return { segments, reason: 'age-bound' };
  }

  private isOldByWallClock(segment: Segment, now: Micros, nowMs: number, maxAgeMs: number): boolean {
    const isOld = isBelieved(segment.lastAt) && now - segment.lastAt > maxAgeMs * 1_000;
    if (!isOld) this.oldSinceMs.delete(segment);
    return isOld && lastedMs(this.oldSinceMs, segment, nowMs) >= Math.min(mostGraceMs, maxAgeMs / 10);
  }

  /**
   * Makes room at no loss: a log that is kept for the next segment and files set aside go first, then segments that are only kept for a restored database. Gives the
   * segments that have to go beside them for the files to be within their bound.
   */
  makeRoom(): ToDrop {
    const { disk } = this.store;
    const toDrop: Segment[] = [];
    if (disk !== undefined) {
      let excessBytes = -this.roomBytes();
      while (excessBytes > 0 && (disk.removeSpareLog() || disk.removeDamagedFile())) excessBytes = -this.roomBytes();
      for (const segment of excessBytes > 0 ? this.confirmed() : []) {
        if (excessBytes <= 0) break;
        excessBytes -= segment.sizeBytes();
        this.remove(segment);
      }
      for (const segment of this.leastFirst()) {
        if (excessBytes <= 0) break;
        excessBytes -= segment.sizeBytes();
        toDrop.push(segment);
      }
    }
    return { segments: toDrop, reason: 'disk-bound' };
  }

  /**
   * A disk that others fill is none of our making: what is journalled stays, only its growth is paid for by the oldest. What
   * was dropped for it may make the disk roomy again.
   */
  private boundBytes(sizeBytes: number, space: Space): number {
    if (roomBytes(space, this.bounds.keepFreeBytes) >= 0) this.shortAtBytes = undefined;
    else if (this.shortAtBytes === undefined) {
      const { freeBytes } = space;
      this.log.warn(
        { freeBytes, sizeBytes },
        'the disk of the journal is nearly full: its files do not grow from now on; where that is not enough, the oldest batches go and are declared',
      );
      this.shortAtBytes = sizeBytes;
    }
    return Math.min(this.bounds.maxBytes, this.shortAtBytes ?? Number.POSITIVE_INFINITY);
  }

  private remove(segment: Segment): void {
    this.store.forget(segment);
    this.store.disk?.remove(segment);
  }

  private confirmed(): readonly Segment[] {
    return this.finished().filter((segment) => this.store.unconfirmedIn(segment).length === 0);
  }

  /**
   * For an opening that finds no room: all that is confirmed goes, what was being written too, and the note of the opening says so.
   * False where there was nothing.
   */
  freeConfirmed(): boolean {
    const { disk } = this.store;
    if (disk === undefined) return false;
    const isSpareGone = disk.removeSpareLog();
    const confirmed = disk.segments.filter((segment) => this.store.unconfirmedIn(segment).length === 0);
    for (const segment of confirmed) {
      disk.stopWriting(segment);
      this.store.forget(segment);
      disk.removeUnnoted(segment);
    }
    return isSpareGone || confirmed.length > 0;
  }

  /** What an outage may end by. */
  readonly chance = (): Chance | null => {
    const { disk } = this.store;
    if (disk === undefined) return null;
    const confirmed = disk.segments.filter((segment) => this.store.unconfirmedIn(segment).length === 0);
    try {
      return { freeBytes: disk.space().freeBytes, confirmedFiles: confirmed.length };
    } catch {
      return null;
    }
  };

  /** What the files may grow by; negative where something has to go. */
  roomBytes(): number {
    const { disk } = this.store;
    if (disk === undefined) return Number.POSITIVE_INFINITY;
    const sizeBytes = disk.sizeBytes();
    return this.boundBytes(sizeBytes, disk.space()) - sizeBytes;
  }

  /** What may be dropped, the oldest of the lowest class first. */
  leastFirst(): readonly Segment[] {
    return this.finished().toSorted((left, right) => classRank(left.name.class) - classRank(right.name.class));
  }

  private beingWritten(): readonly Segment[] {
    const { disk } = this.store;
    return disk?.segments.filter((segment) => disk.isWriting(segment)) ?? [];
  }

  private finished(): readonly Segment[] {
    const { disk } = this.store;
    return disk?.segments.filter((segment) => !disk.isWriting(segment)) ?? [];
  }
}

function lastedMs(sinceMs: WeakMap<Segment, number>, segment: Segment, nowMs: number): number {
  const since = sinceMs.get(segment) ?? nowMs;
  sinceMs.set(segment, since);
  return nowMs - since;
}
