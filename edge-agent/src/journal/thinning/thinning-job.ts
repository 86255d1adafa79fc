/**
 * Thins a sealed segment of which no batch was ever sent: the same stream and numbers with fewer samples, because a batch that
 * was never sent has no content in the world yet. Invariants:
 *
 * - `read` and `filtered` stay as they were. What is taken out is declared by the last batches of the same segment, and each
 *   batch says how much of it a later one declares (`thinned`): so the balance holds at every batch.
 * - The new file is written beside the old one, forced, and renamed over it: a kill leaves one or the other.
 * - It works for a few milliseconds at a time. All batches are looked at before anything is written: what its last batches
 *   declare must be known by then, and a flash card is not worn for nothing.
 * - Whatever stands in the way (no room, a batch that is not as we write it), the segment stays as it is.
 */
import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Segment } from '../segment.ts';
import { logOf, sizeOf, syncFolder } from '../segment-files.ts';
import type { Encoding } from '../stream-writer.ts';
import { isDiskTrouble } from '../trouble.ts';
import { BatchSource } from './batch-source.ts';
import { declareTaken, placed, samplesIn, type ThinnedDeclaration } from './declarations.ts';
import { GiveUp } from './give-up.ts';
import { rewrite } from './rewrite.ts';
import type { ThinToMs } from './settings.ts';
import { ThinnedFile } from './thinned-file.ts';
import { Thinner } from './thinner.ts';

export type ThinningState = 'more' | 'done' | 'nothing-to-gain' | 'failed';

export type ThinningOptions = {
  readonly segment: Segment;
  readonly thinToMs: ThinToMs;
  readonly encoding: Encoding;
  /** A clock that is never stepped. */
  readonly nowMs?: () => number;
};

/** A segment that would keep more of its bytes is not written again. */
const mostKept = 0.9;
/** Less of the samples is never a tenth of the bytes. */
const leastTaken = 0.05;

export class ThinningJob {
  readonly segment: Segment;
  /** Why it failed. */
  reason: string | null = null;
  /** Samples that are taken out. */
  taken = 0;
  private readonly options: ThinningOptions;
  private readonly nowMs: () => number;
  private readonly source: BatchSource;
  private readonly sizeBytes: number;
  private state: ThinningState | 'finished' = 'more';
  private next: () => void = () => this.look();
  private thinner: Thinner;
  private seq: number;
  private file: ThinnedFile | undefined;
  private declaring: ReadonlyMap<number, readonly ThinnedDeclaration[]> = new Map();
  private undeclared = 0;
  private samples = 0;
  private isForcing = false;

  private constructor(options: ThinningOptions, source: BatchSource) {
    const { segment, thinToMs, nowMs = () => performance.now() } = options;
    this.options = options;
    this.segment = segment;
    this.nowMs = nowMs;
    this.source = source;
    this.sizeBytes = segment.sizeBytes();
    this.seq = segment.name.first;
    this.thinner = new Thinner(thinToMs);
  }

  /** Of a segment none of whose batches was sent, or is until it is finished. null for one that cannot be thinned. */
  static begin(options: ThinningOptions): ThinningJob | null {
    if (!isThinnable(options.segment)) return null;
    try {
      return new ThinningJob(options, new BatchSource(options.segment));
    } catch {
      // Whoever reads a batch of it finds out.
      return null;
    }
  }

  /** What waits beside the segment counts as the journal's, too. */
  get extraBytes(): number {
    return this.file?.sizeBytes ?? 0;
  }

  /** Works for this long, and at least on one batch. */
  step(budgetMs: number): ThinningState {
    const until = this.nowMs() + budgetMs;
    try {
      while (this.state === 'more' && !this.isForcing) {
        this.next();
        if (this.nowMs() >= until) break;
      }
    } catch (error) {
      this.failed(error);
    }
    return this.state === 'finished' ? 'done' : this.state;
  }

  /**
   * Puts the new file in the place of the old one. False where that may or can not be any more: then the old one stays. Nothing of
   * the segment may be sent before it returns.
   * @throws a system error where the name may not be on the medium
   */
  finish(): boolean {
    if (this.state !== 'done' || this.file === undefined) return false;
    const { file } = this.segment;
    try {
      if (!isThinnable(this.segment)) throw new GiveUp('the segment is no longer what it was');
      renameSync(this.file.path, file);
    } catch (error) {
      this.failed(error);
      return false;
    }
    this.state = 'finished';
    this.segment.replaced(this.samples);
    syncFolder(dirname(file));
    return true;
  }

  /** The segment stays as it is. Idempotent; without effect when it is finished. */
  abort(): void {
    if (this.state !== 'finished') this.end('failed');
  }

  private look(): void {
    const { batch } = this.source.read(this.seq);
    const kept = this.thinner.thin(batch);
    this.taken += batch.sent - kept.length;
    if (this.seq < this.segment.last) this.seq += 1;
    else this.plan();
  }

  private plan(): void {
    const { name, last, samples, head, file } = this.segment;
    if (this.taken <= samples * leastTaken) {
      this.end('nothing-to-gain');
      return;
    }
    this.declaring = placed(declareTaken(this.thinner.series), name.first, last);
    this.thinner = new Thinner(this.options.thinToMs);
    this.seq = name.first;
    this.file = new ThinnedFile(file, name.stream, head, this.source.note);
    this.next = () => this.write();
  }

  private write(): void {
    const read = this.source.read(this.seq);
    const kept = this.thinner.thin(read.batch);
    const declares = this.declaring.get(this.seq) ?? [];
    this.undeclared += read.batch.sent - kept.length;
    this.samples += kept.length;
    const row = rewrite(read, { kept, undeclared: this.undeclared, declares }, this.options.encoding);
    this.undeclared -= samplesIn(declares);
    this.file?.insert({ ...row, samplesThrough: this.samples });
    if (this.extraBytes > this.sizeBytes * mostKept) this.end('nothing-to-gain');
    else if (this.seq < this.segment.last) this.seq += 1;
    else this.force();
  }

  private force(): void {
    if (this.undeclared !== 0) throw new Error(`${this.undeclared} samples were taken out and not declared`);
    this.source.close();
    this.file?.commit();
    this.isForcing = true;
    this.file?.force().then(
      () => this.forced(),
      (error: unknown) => this.failed(error),
    );
  }

  private forced(): void {
    this.isForcing = false;
    if (this.state === 'more') this.state = 'done';
  }

  private failed(error: unknown): void {
    this.end('failed');
    if (!(error instanceof GiveUp) && !isDiskTrouble(error)) throw error;
    this.reason = error instanceof Error ? error.message : String(error);
  }

  private end(state: 'nothing-to-gain' | 'failed'): void {
    this.state = state;
    this.source.close();
    this.file?.remove();
    this.file = undefined;
  }
}

/** A log beside the file would be taken for that of the new one. */
const isThinnable = (segment: Segment): boolean =>
  segment.sealed && !segment.isSalvaged && segment.isInPlace && sizeOf(logOf(segment.file)) === 0;
