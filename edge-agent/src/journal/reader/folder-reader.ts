/** A journal folder as it lies there, for those who only read it: an agent may be running on it, or have left it for good. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError, type Micros } from '@fieldline/shared/contracts';
import { type Note, newestNote } from '../note.ts';
import { Salvaged } from '../salvage/salvaged.ts';
import { logOf } from '../segment-files.ts';
import { damagedSuffix, isDamagedFile, namesAmong, type SegmentName, segmentFile } from '../segment-name.ts';
import { isDamage } from '../trouble.ts';
import { undatedFile, undatedNames } from '../undated/undated-name.ts';
import { isAgentRunning } from './agent-lock.ts';
import { SegmentReader } from './segment-reader.ts';
import { isMissing, sizeOf } from './untouched.ts';

export type FileTrouble = {
  readonly file: string;
  readonly reason: string;
  readonly toDo: string;
  /** The file itself is broken: it is not for want of rights or room that it cannot be read. */
  readonly isDamaged: boolean;
};

export type OtherFile = { readonly file: string; readonly sizeBytes: number };
export type SetAsideFile = OtherFile & { readonly setAsideAt: Micros };

const withoutSuffixes = (file: string): string => file.replace(/(?:-(?:wal|shm|journal))?\.damaged$/, '');

export class FolderReader {
  readonly folder: string;
  /** Oldest first. */
  readonly names: readonly SegmentName[];
  /** null where the system does not say. */
  readonly agentRuns: boolean | null;
  private readonly files: readonly string[];
  /** It may be a copy, and is asked for its note too: what it says of others shall be of the same moment. */
  private newest: SegmentReader | undefined;

  private constructor(folder: string, files: readonly string[]) {
    this.folder = folder;
    this.files = files;
    this.agentRuns = isAgentRunning(folder);
    this.names = namesAmong(files);
  }

  /** null where the folder is not there. @throws FieldlineError journal/unreadable */
  static open(folder: string): FolderReader | null {
    try {
      const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
      return new FolderReader(folder, entries.map(({ name }) => name).sort());
    } catch (error) {
      if (isMissing(error)) return null;
      throw new FieldlineError(
        'journal/unreadable',
        `the journal folder ${folder} cannot be read (${inWords(error)}): name the folder itself, and run this as the user of the agent`,
        { cause: error },
      );
    }
  }

  /**
   * Gives one segment, open during `read`. undefined where it holds nothing yet, or is gone: a running agent deletes what is
   * confirmed. Whatever makes it unreadable is told to `onTrouble`.
   */
  read<T>(
    name: SegmentName,
    read: (segment: SegmentReader) => T,
    onTrouble: (trouble: FileTrouble) => void,
  ): T | undefined {
    let segment: SegmentReader | null = null;
    try {
      segment = this.newest?.name === name ? this.newest : SegmentReader.open(this.folder, name);
      if (segment === null) return undefined;
      if (name === this.names.at(-1)) this.newest = segment;
      return read(segment);
    } catch (error) {
      if (!this.isGone(name)) onTrouble(troubleOf(segmentFile(name), error));
      return undefined;
    } finally {
      if (segment !== this.newest) segment?.close();
    }
  }

  /** Of a damaged segment, as the agent reads it. undefined where nothing of it can be proven. @throws a system error */
  salvage<T>(name: SegmentName, read: (salvaged: Salvaged) => T): T | undefined {
    const file = join(this.folder, segmentFile(name));
    return salvageOf(Salvaged.of(file, name), read);
  }

  /** As `salvage`, of a segment that was set aside. What keeps it from being read is told to `onTrouble`. */
  salvageSetAside<T>(
    name: SegmentName,
    read: (salvaged: Salvaged) => T,
    onTrouble: (trouble: FileTrouble) => void,
  ): T | undefined {
    const file = segmentFile(name);
    const [path, log] = [file, logOf(file)].map((each) => join(this.folder, `${each}${damagedSuffix}`));
    try {
      return salvageOf(Salvaged.of(path ?? '', name, log), read);
    } catch (error) {
      onTrouble(troubleOf(`${file}${damagedSuffix}`, error));
      return undefined;
    }
  }

  /** Whether any file of a journal lies in it: the lock alone is none. */
  get isJournal(): boolean {
    return this.names.length > 0 || this.files.some(isDamagedFile) || undatedNames(this.files).length > 0;
  }

  close(): void {
    this.newest?.close();
    this.newest = undefined;
  }

  /** The newest that can be read, as the agent does. */
  note(): Note {
    return newestNote(this.names.toReversed().map((name) => ({ name, isWhole: true, text: () => this.noteIn(name) })));
  }

  private noteIn(name: SegmentName): string | null {
    let isDamaged = false;
    const note = this.read(
      name,
      (segment) => segment.note(),
      (trouble) => {
        isDamaged = trouble.isDamaged;
      },
    );
    return (isDamaged ? this.salvage(name, (salvaged) => salvaged.note) : note) ?? null;
  }

  /** On the disk, the write-ahead log included. */
  sizeBytes(name: SegmentName): number {
    const file = join(this.folder, segmentFile(name));
    return sizeOf(file) + sizeOf(`${file}-wal`);
  }

  isGone(name: SegmentName): boolean {
    return statSync(join(this.folder, segmentFile(name)), { throwIfNoEntry: false }) === undefined;
  }

  /** Damaged files that the agent has done with, each with its log and what else lay beside it. */
  setAside(): readonly SetAsideFile[] {
    const byFile = Map.groupBy(this.files.filter(isDamagedFile), withoutSuffixes);
    return [...byFile].map(([file, parts]) => {
      const found = parts.map((part) => statSync(join(this.folder, part), { throwIfNoEntry: false }));
      const sizeBytes = found.reduce((sum, part) => sum + (part?.size ?? 0), 0);
      // What a change of the name changes.
      const setAsideAtMs = Math.max(...found.map((part) => part?.ctimeMs ?? 0));
      return { file: `${file}${damagedSuffix}`, sizeBytes, setAsideAt: Math.round(setAsideAtMs * 1_000) };
    });
  }

  /** Files with samples that wait for the clock of the gateway to be set. */
  undated(): readonly OtherFile[] {
    return this.sized(undatedNames(this.files).map(undatedFile));
  }

  private sized(files: readonly string[]): readonly OtherFile[] {
    return files.map((file) => {
      const path = join(this.folder, file);
      return { file, sizeBytes: sizeOf(path) + sizeOf(`${path}-wal`) };
    });
  }
}

function salvageOf<T>(salvaged: Salvaged | null, read: (salvaged: Salvaged) => T): T | undefined {
  try {
    return salvaged === null ? undefined : read(salvaged);
  } finally {
    salvaged?.close();
  }
}

const damagedToDo =
  'the agent sends what can be proven of it and declares the rest; `journal verify` says which, `journal export` gives it too';
const unreadableToDo = 'run this as the user of the agent, and see that the folder for temporary files has room';

export const troubleOf = (file: string, error: unknown): FileTrouble => ({
  file,
  reason: inWords(error),
  toDo: isDamage(error) ? damagedToDo : unreadableToDo,
  isDamaged: isDamage(error),
});

const inWords = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
