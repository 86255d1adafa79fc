/**
 * What leaves the journal unsent: declared, counted and logged here; when it may go is not decided here. A declaration
 * waits in `pending` until a batch holds it.
 */
import { countOf, type Declaration, isFieldlineError, type Ranges, subtractRanges } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import { lostCounter } from './count-lost.ts';
import { declaredBy } from './declaring.ts';
import type { Disk } from './disk.ts';
import { type Folder, logDamaged } from './folder.ts';
import { type DamagedSegment, filesOf, lastBeforeNext } from './found.ts';
import type { LastSamples } from './last/last-samples.ts';
import { lostTail } from './lost-tail.ts';
import type { JournalMetrics } from './metrics.ts';
import type { NoteKeeper } from './note.ts';
import type { Pending } from './pending.ts';
import { lostBatches } from './recovery.ts';
import type { ToDrop } from './retention.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';
import { isDamage, isDiskTrouble } from './trouble.ts';

export type LossParts = {
  readonly store: Store;
  readonly pending: Pending;
  readonly note: NoteKeeper;
  readonly lastSamples: LastSamples;
  readonly metrics: JournalMetrics;
  readonly log: Log;
};

const whyDropped: Record<ToDrop['reason'], string> = {
  'age-bound': 'batches are older than journal.maxAgeMs and were never confirmed: dropped and declared',
  'disk-bound': 'the journal is full: its oldest batches are dropped',
};

export class Losses {
  private readonly parts: LossParts;
  /**
   * Of damaged and missing files that a start found, until a declaration of them is durable: on a disk that takes nothing
   * each start would declare them anew. Should the cloud ask for such a batch meanwhile, it is answered all the same.
   */
  waiting: readonly Declaration[] = [];

  constructor(parts: LossParts) {
    this.parts = parts;
  }

  /** What a start found; gives what is to be declared whether or not the disk takes it. */
  found(declared: readonly Declaration[]): readonly Declaration[] {
    for (const each of declared) this.isLost(each);
    this.waiting = declared.filter(({ reason }) => reason === 'journal-damaged');
    return declared.filter(({ reason }) => reason !== 'journal-damaged');
  }

  /** `write` makes what waits durable, with a note that says so. */
  writeWaiting(write: () => void): void {
    const { store, metrics } = this.parts;
    const batches = this.waiting.filter((each) => each.kind === 'batches');
    for (const { stream, from, to } of batches) store.holdings.settle(stream, [[from, to]]);
    try {
      write();
    } catch (error) {
      for (const { stream, from, to } of batches) store.holdings.doubt(stream, [[from, to]]);
      throw error;
    }
    for (const { from, to, reason } of batches) metrics.lostBatches.inc({ reason }, to - from + 1);
    this.waiting = [];
  }

  declare(segment: Segment, reason: ToDrop['reason'] | 'journal-damaged'): void {
    const { store, pending, metrics } = this.parts;
    const unconfirmed = store.unconfirmedIn(segment);
    const lost = store.lossOf(segment, reason);
    this.parts.lastSamples.lost(segment.name.stream, unconfirmed);
    pending.declare(lost);
    // Of a file that is gone only the note may know it.
    if (!lost.some(({ kind }) => kind === 'series')) pending.declare(this.declaredBy(segment.name.stream, unconfirmed));
    this.parts.note.urgent();
    metrics.lostBatches.inc({ reason }, countOf(unconfirmed));
  }

  /** Their files are gone already: nothing is to be made durable before. */
  gone(segments: readonly Segment[], disk: Disk): void {
    for (const segment of segments) {
      const isConfirmed = this.parts.store.unconfirmedIn(segment).length === 0;
      if (isConfirmed)
        this.parts.log.warn(segment.name, 'a file of the journal was deleted: all that it held was confirmed');
      else this.parts.log.error(segment.name, 'a file of the journal was deleted: what it held is declared as lost');
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

  /** A batch could not be read: true where another try may give it. */
  unreadable(stream: string, seq: number, error: unknown, folder: Folder): boolean {
    const { disk } = folder;
    const segment = disk.segmentOf(stream, seq);
    if (segment === undefined) return false;
    if (isDamage(error)) {
      this.damaged(segment, seq, error, disk);
      return true;
    }
    // Where the whole folder is gone, the next flush sees it: it may be a disk that comes back.
    if (!segment.isInPlace && folder.isInPlace()) this.gone([segment], disk);
    return false;
  }

  /**
   * Damage was found. From now on its segment gives what can be proven; nothing is written for that, and the file is
   * set aside when all of it is confirmed. So a kill before the declaration is written changes nothing.
   */
  private damaged(segment: Segment, seq: number, error: unknown, disk: Disk): void {
    const { held } = segment;
    if (segment.isSalvaged) segment.drop(seq);
    else {
      disk.stopWriting(segment);
      segment.salvage();
      logDamaged(this.parts.log, { name: segment.name, error, segment });
      this.parts.metrics.salvagedBatches.inc(countOf(segment.held));
    }
    this.declareLost(segment.name.stream, this.parts.store.lose(segment, subtractRanges(held, segment.held)), disk);
    this.parts.store.recount();
  }

  /** Looks into one damaged file that the start had no time for. */
  postponed(disk: Disk): void {
    const { store, log, metrics, pending, note } = this.parts;
    const found = this.salvagedNext(disk);
    if (found === null) return;
    const { name, segment } = found;
    logDamaged(log, found);
    if (segment !== null) {
      metrics.salvagedBatches.inc(countOf(segment.held));
      store.found(segment);
    }
    const noted = note.expected.get(name.stream)?.at(-1)?.[1] ?? 0;
    const next = lastBeforeNext(name, filesOf(disk));
    const last = Math.max(next ?? noted, segment?.last ?? 0);
    const given: Ranges = last < name.first ? [] : [[name.first, last]];
    const { held = [], confirmed = [] } = store.holdings.get(name.stream) ?? {};
    this.declareLost(name.stream, [held, confirmed].reduce(subtractRanges, given), disk);
    const end = next === null ? note.unknownEnds.get(name.stream) : undefined;
    if (end !== undefined) pending.declare(lostTail(found, end, disk.segments));
    if (disk.postponed.length === 0) note.expected = new Map();
    note.urgent();
    store.recount();
  }

  private salvagedNext(disk: Disk): DamagedSegment | null {
    try {
      return disk.salvageNext();
    } catch (error) {
      if (!isFieldlineError(error) && !isDiskTrouble(error)) throw error;
      this.parts.log.error(errorFields(error), 'a damaged file of the journal stays as it is until the next start');
      return null;
    }
  }

  /** Of no file any more: declared once, since it counts as settled from then on. */
  private declareLost(stream: string, ranges: Ranges, disk: Disk): void {
    if (ranges.length === 0) return;
    const { store, pending, metrics } = this.parts;
    pending.declare([...lostBatches(stream, ranges, lostCounter(disk)), ...this.declaredBy(stream, ranges)]);
    store.holdings.settle(stream, ranges);
    this.parts.lastSamples.lost(stream, ranges);
    this.parts.note.urgent();
    metrics.lostBatches.inc({ reason: 'journal-damaged' }, countOf(ranges));
  }

  private isLost(declared: Declaration): void {
    if (declared.kind === 'batches') this.parts.lastSamples.lost(declared.stream, [[declared.from, declared.to]]);
  }

  private declaredBy(stream: string, lost: Ranges): Declaration[] {
    return declaredBy(this.parts.note.declaring, stream, lost);
  }

  /** The oldest batches that wait in memory, until the rest keeps the bound. */
  fromMemory(boundBytes: number): void {
    const { store, pending, metrics } = this.parts;
    while (store.memory.sizeBytes > boundBytes) {
      const dropped = store.dropFromMemory();
      for (const each of dropped) this.isLost(each);
      pending.declare(dropped);
      metrics.lostBatches.inc({ reason: 'memory-bound' });
    }
  }
}
