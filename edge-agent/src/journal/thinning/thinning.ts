/**
 * Thins segments that were never sent while the journal is nearly full, so that less has to be dropped later: the oldest of the
 * lowest class first, one at a time, and a few milliseconds at each flush.
 */
import type { Log } from '@fieldline/shared/runtime';
import type { Disk } from '../disk.ts';
import type { JournalMetrics } from '../metrics.ts';
import type { Retention } from '../retention.ts';
import type { Segment } from '../segment.ts';
import type { Store } from '../store.ts';
import type { Encoding } from '../stream-writer.ts';
import { Unsent } from '../unsent.ts';
import type { ThinToMs } from './settings.ts';
import { ThinningJob } from './thinning-job.ts';

export type ThinningParts = {
  readonly store: Store;
  readonly retention: Retention;
  /** null where no tag may be thinned. */
  readonly thinToMs: ThinToMs | null;
  readonly encoding: Encoding;
  readonly segmentBytes: number;
  readonly metrics: JournalMetrics;
  readonly log: Log;
};

/** It begins when there is room for this many segments more: it needs room itself, and time. */
const segmentsLeft = 2;
const stepMs = 5;

export class Thinning {
  readonly unsent = new Unsent();
  private readonly parts: ThinningParts;
  private readonly tried = new WeakSet<Segment>();
  private job: ThinningJob | undefined;

  constructor(parts: ThinningParts) {
    this.parts = parts;
  }

  /** After each flush. @throws a system error where the disk takes nothing */
  step(disk: Disk): void {
    this.unsent.look(disk);
    // Small files are done in less: of a small journal, one at each flush would be too few.
    for (const until = performance.now() + stepMs; this.advance(disk, until - performance.now()); );
  }

  /** False where nothing more can be done at this flush. */
  private advance(disk: Disk, budgetMs: number): boolean {
    if (budgetMs <= 0) return false;
    const job = this.job ?? this.begin();
    if (job === null) return false;
    if (!this.unsent.has(job.segment)) {
      this.abort();
      return true;
    }
    const state = job.step(budgetMs);
    disk.extraBytes = job.extraBytes;
    if (state === 'more') return false;
    this.job = undefined;
    disk.extraBytes = 0;
    if (state === 'done' && job.finish()) this.thinned(job);
    else if (job.reason !== null)
      this.parts.log.warn({ ...job.segment.name, reason: job.reason }, 'a file of the journal could not be thinned');
    return true;
  }

  /** A batch of it is about to be sent. True where the note must say so before. */
  willSend(segment: Segment): boolean {
    if (this.job?.segment === segment) this.abort();
    return this.unsent.willSend(segment);
  }

  abort(): void {
    this.job?.abort();
    this.job = undefined;
    const { disk } = this.parts.store;
    if (disk !== undefined) disk.extraBytes = 0;
  }

  private begin(): ThinningJob | null {
    const { thinToMs, encoding, retention, segmentBytes } = this.parts;
    if (thinToMs === null || retention.roomBytes() > segmentsLeft * segmentBytes) return null;
    const segment = retention.leastFirst().find((each) => this.unsent.has(each) && !this.tried.has(each));
    if (segment === undefined) return null;
    // One that is not folded in yet is tried again.
    const job = ThinningJob.begin({ segment, thinToMs, encoding });
    if (segment.sealed) this.tried.add(segment);
    if (job === null) return null;
    this.job = job;
    return job;
  }

  private thinned({ segment, taken }: ThinningJob): void {
    const { store, metrics, log } = this.parts;
    store.recount();
    metrics.thinnedSamples.inc(taken);
    log.warn(
      { ...segment.name, last: segment.last, samples: taken },
      'the journal is nearly full: samples that were never sent are thinned, and declared',
    );
  }
}
