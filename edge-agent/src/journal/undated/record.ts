/**
 * The entries of one file, in memory, and which of them are not on the disk yet. What goes becomes part of an entry that says so,
 * which takes the number of what went: so the order stays, and whoever has got as far as a number has got what was lost before.
 */
import { crc32 } from 'node:zlib';
import { classRank, type LossReason, type TagClass } from '@fieldline/shared/contracts';
import { type Entry, type Held, type Lost, lastOf } from './entry.ts';

/** Of each class, the number of the entry up to which the journal has all. */
export type Positions = ReadonlyMap<TagClass, number>;

/** What is lost, before it has a number. */
export type Loss = Omit<Lost, 'kind' | 'row'>;

/** Starts within one boot that ended without order: so many are told apart. */
const mostRestarts = 100;

export class BootRecord {
  readonly positions: Map<TagClass, number>;
  /** Not on the disk yet: null is to be removed from it. */
  readonly unsaved = new Map<number, Entry | null>();
  /** Samples of entries that are not on the disk yet. */
  readonly waiting = new Map<number, Buffer>();
  private readonly list: Entry[];
  private nextRow: number;

  constructor(entries: readonly Entry[], positions: Positions) {
    this.list = [...entries];
    this.positions = new Map(positions);
    this.nextRow = Math.max(0, ...positions.values(), entries.at(-1)?.row ?? 0) + 1;
  }

  get entries(): readonly Entry[] {
    return this.list;
  }

  /** Of a class, in the order of their making; those that the journal has are left out. */
  left(tagClass: TagClass): readonly Entry[] {
    return this.list.filter((entry) => entry.tagClass === tagClass && !this.isDone(entry));
  }

  get isDoneWhole(): boolean {
    return this.list.every((entry) => this.isDone(entry));
  }

  /** µs of the boot that it is known to have lasted. */
  get last(): number {
    return lastOf(this.list);
  }

  get samples(): number {
    return this.list.reduce(
      (sum, entry) => sum + (entry.kind === 'held' && !this.isDone(entry) ? entry.samples : 0),
      0,
    );
  }

  get waitingBytes(): number {
    return [...this.waiting.values()].reduce((sum, { length }) => sum + length, 0);
  }

  hold(flush: Pick<Held, 'tagClass' | 'first' | 'last' | 'samples' | 'filtered'>, bytes: Buffer): void {
    const { length: sizeBytes } = bytes;
    const row = this.nextRow;
    this.add({ kind: 'held', row, ...flush, sizeBytes, bytesChecksum: crc32(bytes) });
    this.waiting.set(row, bytes);
  }

  /** With what was lost of the same for the same reason, if that is not in the journal yet. */
  lose(loss: Loss, row = this.nextRow): void {
    const same = this.mergeable(loss);
    if (same !== undefined) this.remove(same.row);
    this.add(same === undefined ? { kind: 'lost', row, ...loss } : merged(same, loss, Math.max(same.row, row)));
  }

  /** The oldest of the lowest class goes. Gives what it had; null where nothing is left to go. */
  drop(reason: LossReason, mayGo: (held: Held) => boolean = () => true): Held | null {
    let found: Held | null = null;
    for (const entry of this.list) {
      if (entry.kind !== 'held' || this.isDone(entry) || !mayGo(entry)) continue;
      if (found === null || classRank(entry.tagClass) < classRank(found.tagClass)) found = entry;
      if (classRank(found.tagClass) === 0) break;
    }
    if (found !== null) this.replace(found, reason);
    return found;
  }

  /** What was held turns out not to be there. */
  replace({ row, tagClass, first, last, samples, filtered }: Held, reason: LossReason): void {
    this.remove(row);
    this.lose({ tagClass, device: null, tag: null, first, last, samples, filtered, reason }, row);
  }

  /** All of it is on the disk. */
  saved(): void {
    this.unsaved.clear();
    this.waiting.clear();
  }

  /** Until when the last process ran is known at last. */
  endOpenLoss(last: number): void {
    for (const entry of this.entries.filter(({ last: end }) => end === null)) {
      if (entry.kind !== 'lost') continue;
      const { kind, row, ...loss } = entry;
      this.remove(row);
      this.lose({ ...loss, last: Math.max(last, loss.first) }, row);
    }
  }

  private isDone({ tagClass, row }: Entry): boolean {
    return row <= (this.positions.get(tagClass) ?? 0);
  }

  private add(entry: Entry): void {
    const at = this.placeOf(entry.row);
    this.list.splice(at, this.list[at]?.row === entry.row ? 1 : 0, entry);
    this.unsaved.set(entry.row, entry);
    this.nextRow = Math.max(this.nextRow, entry.row + 1);
  }

  private remove(row: number): void {
    const at = this.placeOf(row);
    if (this.list[at]?.row === row) this.list.splice(at, 1);
    this.unsaved.set(row, null);
    this.waiting.delete(row);
  }

  /** Where in the list a number stands, or would: there may be many entries, and most are added at the end. */
  private placeOf(row: number): number {
    let [low, high] = [0, this.list.length];
    if ((this.list.at(-1)?.row ?? 0) < row) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.list[middle]?.row ?? 0) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private mergeable(loss: Loss): Lost | undefined {
    const alike = this.list
      .filter((entry) => entry.kind === 'lost')
      .filter((entry) => !this.isDone(entry) && entry.last !== null && isAlike(entry, loss));
    return loss.reason !== 'restart' || alike.length >= mostRestarts ? alike.at(-1) : undefined;
  }
}

const isAlike = (left: Loss, right: Loss): boolean =>
  left.tagClass === right.tagClass &&
  left.reason === right.reason &&
  left.device === right.device &&
  left.tag === right.tag;

function merged(left: Lost, right: Loss, row: number): Lost {
  return {
    ...left,
    row,
    first: Math.min(left.first, right.first),
    last: left.last === null || right.last === null ? null : Math.max(left.last, right.last),
    samples: left.samples === null || right.samples === null ? null : left.samples + right.samples,
    filtered: left.filtered + right.filtered,
  };
}
