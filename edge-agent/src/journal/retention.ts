import { countOf } from '@fieldline/shared/contracts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';

export type Bounds = { readonly maxBytes: number; readonly keepConfirmedForMs: number };

/** Decides which segments go. The one that is being written never does. */
export class Retention {
  private readonly store: Store;
  private readonly bounds: Bounds;
  private readonly confirmedSinceMs = new WeakMap<Segment, number>();

  constructor(store: Store, bounds: Bounds) {
    this.store = store;
    this.bounds = bounds;
  }

  /** All of a segment is confirmed but what a cloud that answers may not have had the time for; and nothing keeps it then. */
  readonly goesSoon = (segment: Segment): boolean => {
    const batches = segment.last - segment.name.first + 1;
    return this.bounds.keepConfirmedForMs === 0 && countOf(this.store.unconfirmedIn(segment)) <= batches / 4;
  };

  /** Removes the segments that are confirmed, when they were kept long enough. */
  removeConfirmed(nowMs: number): void {
    for (const segment of this.confirmed()) {
      const sinceMs = this.confirmedSinceMs.get(segment) ?? nowMs;
      this.confirmedSinceMs.set(segment, sinceMs);
      if (nowMs - sinceMs >= this.bounds.keepConfirmedForMs) this.remove(segment);
    }
  }

  /**
   * Makes room at no loss: files set aside go first, then segments that are only kept for a restored database. Gives the
   * segments, oldest first, whose loss must be declared for the files to be within their bound.
   */
  makeRoom(): readonly Segment[] {
    const { disk } = this.store;
    if (disk === undefined) return [];
    let excessBytes = disk.sizeBytes() - this.bounds.maxBytes;
    while (excessBytes > 0 && disk.removeDamagedFile()) excessBytes = disk.sizeBytes() - this.bounds.maxBytes;
    for (const segment of excessBytes > 0 ? this.confirmed() : []) {
      if (excessBytes <= 0) break;
      excessBytes -= segment.sizeBytes();
      this.remove(segment);
    }
    const toDrop: Segment[] = [];
    for (const segment of this.finished()) {
      if (excessBytes <= 0) break;
      excessBytes -= segment.sizeBytes();
      toDrop.push(segment);
    }
    return toDrop;
  }

  private remove(segment: Segment): void {
    this.store.forget(segment);
    this.store.disk?.remove(segment);
  }

  private confirmed(): readonly Segment[] {
    return this.finished().filter((segment) => this.store.unconfirmedIn(segment).length === 0);
  }

  private finished(): readonly Segment[] {
    const { disk } = this.store;
    return disk?.segments.filter((segment) => !disk.isWriting(segment)) ?? [];
  }
}
