/**
 * What leaves the journal unsent: declared, counted and logged here; when it may go is not decided here. A declaration
 * waits in `pending` until a batch holds it.
 */
import { countOf } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import type { Disk } from './disk.ts';
import type { JournalMetrics } from './metrics.ts';
import type { Pending } from './pending.ts';
import type { ToDrop } from './retention.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';

export type LossParts = {
  readonly store: Store;
  readonly pending: Pending;
  readonly metrics: JournalMetrics;
  readonly log: Log;
};

const whyDropped: Record<ToDrop['reason'], string> = {
  'age-bound': 'batches are older than journal.maxAgeMs and were never confirmed: dropped and declared',
  'disk-bound': 'the journal is full: its oldest batches are dropped',
};

export class Losses {
  private readonly parts: LossParts;

  constructor(parts: LossParts) {
    this.parts = parts;
  }

  declare(segment: Segment, reason: ToDrop['reason'] | 'journal-damaged'): void {
    const { store, pending, metrics } = this.parts;
    pending.declare(store.lossOf(segment, reason));
    metrics.lostBatches.inc({ reason }, countOf(store.unconfirmedIn(segment)));
  }

  /** Their files are gone already: nothing is to be made durable before. */
  gone(segments: readonly Segment[], disk: Disk): void {
    for (const segment of segments) {
      this.parts.log.error(segment.name, 'a file of the journal was deleted: what it held is declared as lost');
      this.declare(segment, 'journal-damaged');
      this.parts.store.forget(segment);
      disk.remove(segment);
    }
  }

  /** The declaration is durable: the files go. */
  dropped(segments: readonly Segment[], reason: ToDrop['reason'], disk: Disk): void {
    for (const segment of segments) {
      const { name, last } = segment;
      this.parts.log.warn({ ...name, last }, whyDropped[reason]);
      this.parts.store.forget(segment);
      disk.remove(segment);
    }
  }

  damaged({ name }: Segment, error: unknown): void {
    this.parts.log.error(
      { ...errorFields(error), ...name },
      'a file of the journal is damaged: set aside and declared',
    );
  }

  /** The oldest batches that wait in memory, until the rest keeps the bound. */
  fromMemory(boundBytes: number): void {
    const { store, pending, metrics } = this.parts;
    while (store.memory.sizeBytes > boundBytes) {
      pending.declare(store.dropFromMemory());
      metrics.lostBatches.inc({ reason: 'memory-bound' });
    }
  }
}
