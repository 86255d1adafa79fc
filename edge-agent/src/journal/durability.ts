/**
 * Puts batches on the disk, or into memory where it takes none. They are held, and may be sent, when they are as durable as
 * they shall be. To force them to the medium takes as long as that likes, tens of milliseconds on a flash card, so it is done
 * beside the event loop where somebody can wait for it. One force at a time; what is committed meanwhile goes with the next.
 */
import { addRange, type Compression, markVolatile } from '@fieldline/shared/contracts';
import { bytesIn, type NewBatch } from './batches.ts';
import type { Disk } from './disk.ts';
import type { HeldStream } from './holdings.ts';
import type { NoteKeeper } from './note.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';

export type DurabilityParts = {
  readonly store: Store;
  readonly note: NoteKeeper;
  readonly compression: Compression;
  /** Whether a segment will be deleted before long. */
  readonly goesSoon: (segment: Segment) => boolean;
  /** The disk takes nothing. */
  readonly failed: (error: unknown) => void;
};

/** So much may wait to be forced: a medium that takes longer than that is waited for. */
const mostWaitingBytes = 4 * 1024 * 1024;

export class Durability {
  private readonly parts: DurabilityParts;
  private readonly committed = new Set<NewBatch>();
  private committedBytes = 0;
  /** They are in the same commit as the note that is made now. */
  private appending: readonly NewBatch[] = [];
  /** Not given to anybody yet. */
  private settled: NewBatch[] = [];
  private forcing: Promise<void> | undefined;

  constructor(parts: DurabilityParts) {
    this.parts = parts;
  }

  /** `disk`: undefined while it takes nothing. False where they wait in memory. */
  put(batches: readonly NewBatch[], disk: Disk | undefined): boolean {
    if (disk === undefined) this.keepInMemory(batches);
    const isOnDisk = disk !== undefined && this.append(batches, disk);
    if (this.committedBytes > mostWaitingBytes) this.settle();
    return isOnDisk;
  }

  /** Returns when everything is on the medium. */
  settle(): void {
    if (this.committed.size === 0) return;
    try {
      this.parts.store.disk?.force();
    } catch (error) {
      this.parts.failed(error);
    }
    this.release([...this.committed]);
  }

  /** As `settle`, beside the event loop. */
  async settleBeside(): Promise<void> {
    while (this.forcing !== undefined) await this.forcing;
    const { disk } = this.parts.store;
    if (this.committed.size === 0 || disk === undefined) return;
    this.forcing = this.force(disk, [...this.committed]);
    await this.forcing;
  }

  /**
   * For the note: what is committed is in a file already, of which the note of another class shall know. So is what will be committed with
   * the note: should it be lost and the note not, its number tells.
   */
  withCommitted(known: HeldStream): HeldStream {
    const own = [...this.committed, ...this.appending].filter(({ stream }) => stream === known.stream);
    return { ...known, held: own.reduce((held, { seq }) => addRange(held, seq), known.held) };
  }

  /** What was settled since the last time. */
  take(): readonly NewBatch[] {
    const { settled } = this;
    this.settled = [];
    return settled;
  }

  private append(batches: readonly NewBatch[], disk: Disk): boolean {
    const { note, goesSoon, compression, failed } = this.parts;
    const { isDue } = note;
    this.appending = batches;
    try {
      disk.append(batches, { note: { isDue, text: () => note.text() }, goesSoon });
    } catch (error) {
      this.keepInMemory(batches.map((batch) => ({ ...batch, bytes: markVolatile(batch.bytes, compression) })));
      failed(error);
      return false;
    } finally {
      this.appending = [];
    }
    if (isDue) note.written();
    for (const batch of batches) this.committed.add(batch);
    this.committedBytes += bytesIn(batches);
    return true;
  }

  private keepInMemory(batches: readonly NewBatch[]): void {
    this.parts.store.memory.append(batches);
    this.hold(batches);
  }

  private async force(disk: Disk, batches: readonly NewBatch[]): Promise<void> {
    try {
      await disk.forceBeside();
    } catch (error) {
      this.parts.failed(error);
    } finally {
      this.forcing = undefined;
    }
    this.release(batches);
  }

  /** Also where the disk has failed: what it has committed may be there, and can be read until the process ends. */
  private release(batches: readonly NewBatch[]): void {
    const released = batches.filter((batch) => this.committed.delete(batch));
    this.committedBytes -= bytesIn(released);
    this.hold(released);
  }

  private hold(batches: readonly NewBatch[]): void {
    this.parts.store.hold(batches);
    this.parts.note.wrote(batches);
    this.settled.push(...batches);
  }
}
