/** One file of undated samples: what it holds, and how far the journal has got with it. */
import { readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultClass, type TagClass, tagClasses } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { errorFields } from '../../error-fields.ts';
import { checkGateway } from '../foreign.ts';
import type { Survives } from '../segment.ts';
import { damagedSuffix } from '../segment-name.ts';
import { whereAllowed } from '../trouble.ts';
import { type Entry, type Head, lastOf } from './entry.ts';
import { BootRecord, type Positions } from './record.ts';
import { type Loaded, UndatedFile } from './undated-file.ts';
import { type UndatedName, undatedFile, undatedNames } from './undated-name.ts';

export type SourceOptions = {
  readonly folder: string;
  readonly gateway: string;
  readonly survives: Survives;
  /** Of all files. The oldest go first: earlier boots, then the lowest class of this one. */
  readonly maxBytes: number;
  /** As the note of the journal says, by `positionKey`: up to there the journal has all. */
  readonly positions: Readonly<Record<string, number>>;
  readonly log: Log;
};

export const positionKey = (id: string, tagClass: TagClass): string => `${id}/${tagClass}`;

export class Source {
  readonly name: UndatedName;
  readonly file: UndatedFile;
  readonly record: BootRecord;
  head: Head;
  /** It is never written then, and set aside when it is through. */
  isDamaged = false;

  constructor(name: UndatedName, options: SourceOptions, head: Head, record: BootRecord) {
    this.name = name;
    this.file = new UndatedFile(join(options.folder, undatedFile(name)), name.id, options);
    this.head = head;
    this.record = record;
  }

  /** @throws SqliteError or a system error; what is not saved is tried again with the next call */
  save(): void {
    if (this.isDamaged) return;
    if (!this.file.isInPlace) this.beginAnew();
    this.file.save(this.head, { entries: this.record.unsaved, bytes: this.record.waiting });
    this.record.saved();
  }

  /** The journal has all of it. */
  leave(): void {
    if (!this.isDamaged) {
      this.file.remove();
      return;
    }
    this.file.close();
    for (const suffix of ['', '-wal']) {
      const file = `${this.file.file}${suffix}`;
      whereAllowed(() => renameSync(file, `${file}${damagedSuffix}`));
    }
  }

  /** Somebody deleted the file, or it is the first time: what was on the disk is lost, what is known of it is not. */
  private beginAnew(): void {
    this.file.close();
    // Where the whole folder is gone, it may be a disk that comes back: that says nothing of the file.
    statSync(dirname(this.file.file));
    const { record } = this;
    for (const entry of [...record.entries]) {
      if (entry.kind === 'lost') record.unsaved.set(entry.row, entry);
      else if (!record.waiting.has(entry.row)) record.replace(entry, 'journal-damaged');
    }
  }
}

/**
 * What earlier processes left, oldest first. Files of which nothing is wanted any more are removed.
 * @throws FieldlineError journal/foreign; a system error where the folder cannot be read
 */
export function findSources(options: SourceOptions): Source[] {
  const sources = undatedNames(readdirSync(options.folder)).flatMap((name) => sourceOf(name, options) ?? []);
  const replaced = new Set(sources.flatMap(({ head }) => head.replaced));
  return sources.filter((source) => {
    if (!replaced.has(source.name.id) && !source.record.isDoneWhole) return true;
    whereAllowed(() => source.leave());
    return false;
  });
}

/** null where it cannot be read now: the next start tries again. */
function sourceOf(name: UndatedName, options: SourceOptions): Source | null {
  const file = new UndatedFile(join(options.folder, undatedFile(name)), name.id, options);
  let loaded: Loaded;
  try {
    loaded = file.load();
  } catch (error) {
    options.log.error(errorFields(error), 'samples that wait for the time cannot be read: the next start tries again');
    return null;
  }
  const { head, entries, damage } = loaded;
  if (head !== null) checkGateway(options, head.gateway);
  const { gateway } = options;
  const known = head ?? {
    gateway,
    begunAt: 0,
    continuedAt: 0,
    offset: null,
    isEstimated: false,
    isEnded: false,
    replaced: [],
  };
  const isNothing = head === null && damage === null;
  const all = isNothing ? [] : [...entries, ...whatElseIsLost(known, entries, damage !== null)];
  const source = new Source(name, options, known, new BootRecord(all, positionsOf(name.id, options.positions)));
  source.isDamaged = damage !== null;
  if (source.isDamaged)
    options.log.error(
      { ...errorFields(damage), ...name, entries: entries.length },
      'a file with samples that wait for the time is damaged: what can be proven of it is kept, the rest is declared',
    );
  return source;
}

/** Not written in the file: the process that wrote it could not. */
function whatElseIsLost(head: Head, entries: readonly Entry[], isDamaged: boolean): Entry[] {
  const { row, tagClass } = entries.at(-1) ?? { row: 0, tagClass: defaultClass };
  const last = Math.max(lastOf(entries), head.continuedAt);
  const lost = { kind: 'lost' as const, tagClass, device: null, tag: null, samples: null, filtered: 0 };
  return [
    ...(isDamaged ? [{ ...lost, row: row + 1, first: head.begunAt, last, reason: 'journal-damaged' as const }] : []),
    ...(head.isEnded ? [] : [{ ...lost, row: row + 2, first: last, last: null, reason: 'restart' as const }]),
  ];
}

const positionsOf = (id: string, positions: Readonly<Record<string, number>>): Positions =>
  new Map(
    tagClasses.flatMap((tagClass): [TagClass, number][] => {
      const position = positions[positionKey(id, tagClass)];
      return position === undefined ? [] : [[tagClass, position]];
    }),
  );
