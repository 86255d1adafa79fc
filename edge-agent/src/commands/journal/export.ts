/**
 * Every batch that is held, as lines of samples in files: batch by batch, so that memory does not grow with the journal. What
 * is damaged is left out and told; an output file has its name only when it is complete.
 */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  addRange,
  decodeBatch,
  emptyRanges,
  FieldlineError,
  hasNumber,
  isFieldlineError,
  type Micros,
  type Ranges,
  subtractRanges,
  TagLists,
  unionRanges,
} from '@fieldline/shared/contracts';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { lastBeforeNext } from '../../journal/found.ts';
import { type FolderReader, troubleOf } from '../../journal/reader/folder-reader.ts';
import { SegmentReader } from '../../journal/reader/segment-reader.ts';
import { Salvaged } from '../../journal/salvage/salvaged.ts';
import { type SegmentName, segmentFile } from '../../journal/segment-name.ts';
import type { ReadBatch } from '../../journal/segment-rows.ts';
import { rangesInWords, setAsideInWords, undatedInWords } from './in-words.ts';
import { type Missing, missingByNumbers, missingInWords } from './missing.ts';
import { OutputFile } from './output-file.ts';
import { openJournalPlace } from './place.ts';
import { type ExportFormat, sampleFormats } from './sample-format.ts';

export type ExportOptions = {
  readonly folder: string;
  /** A file for all, or a folder for a file per stream. */
  readonly out: string;
  readonly format: ExportFormat;
  /** Of the times of the samples; `to` is not included. */
  readonly from: Micros | null;
  readonly to: Micros | null;
  /** A stream, or how its name begins. */
  readonly stream: string | null;
  readonly signal: AbortSignal;
};
export type Exported = {
  readonly files: readonly string[];
  readonly batches: number;
  readonly samples: number;
  /** What is not in the files, one line each. */
  readonly missing: readonly string[];
  /** Not in the files either, and no longer of this journal; and what was given in spite of damage. */
  readonly remarks: readonly string[];
};

/** @throws FieldlineError journal/unreadable, arguments/unknown, export/incomplete where it cannot be written or was stopped */
export async function exportJournal(options: ExportOptions): Promise<Exported> {
  const reader = openJournalPlace(options.folder);
  const writing = new Writing(options, reader);
  const streams = chosen(reader.names, options.stream);
  if (options.stream === null) {
    writing.missing.push(...reader.undated().map(undatedInWords));
    writing.remarks.push(...reader.setAside().map((file) => `not read: ${setAsideInWords(file)}`));
  }
  try {
    const isFolder = statSync(options.out, { throwIfNoEntry: false })?.isDirectory() === true;
    if (!isFolder) await writing.file(options.out, streams);
    for (const stream of isFolder ? streams : []) {
      await writing.file((gateway) => join(options.out, `${gateway}.${stream}.${options.format}`), [stream]);
    }
    writing.gaps(missingByNumbers(reader).filter(({ stream }) => options.stream === null || streams.includes(stream)));
  } catch (error) {
    if (isFieldlineError(error)) throw error;
    throw new FieldlineError(
      'export/incomplete',
      `${options.out} cannot be written: ${fileTrouble(error)} (--out names the place)`,
      { cause: error },
    );
  } finally {
    reader.close();
  }
  return writing;
}

function chosen(names: readonly SegmentName[], asked: string | null): string[] {
  const streams = [...new Set(names.map(({ stream }) => stream))];
  if (asked === null) return streams;
  const fitting = streams.filter((stream) => stream.startsWith(asked.toLowerCase()));
  if (fitting.length === 1) return fitting;
  const held = streams.length === 0 ? 'the journal holds none' : `it holds ${streams.join(', ')}`;
  throw new FieldlineError(
    'arguments/unknown',
    fitting.length === 0 ? `no stream ${asked}: ${held}` : `more than one stream begins with ${asked}: ${held}`,
  );
}

type Readable = { readonly gateway: string; readonly batch: ReadBatch };

class Writing implements Exported {
  readonly files: string[] = [];
  readonly missing: string[] = [];
  readonly remarks: string[] = [];
  batches = 0;
  samples = 0;
  private readonly options: ExportOptions;
  private readonly reader: FolderReader;
  /** A batch whose first writing was in doubt may stand in two files. */
  private readonly written = new Map<string, Ranges>();
  private readonly lists = new TagLists();

  constructor(options: ExportOptions, reader: FolderReader) {
    this.options = options;
    this.reader = reader;
  }

  async file(target: string | ((gateway: string) => string), streams: readonly string[]): Promise<void> {
    const { names } = this.reader;
    const toRead = streams.flatMap((stream) => names.filter((name) => name.stream === stream));
    const name = typeof target === 'string' ? target : target(this.gatewayOf(toRead));
    const output = await OutputFile.create(name);
    try {
      await output.write(sampleFormats[this.options.format].header);
      for (const name of toRead) {
        // A file of which nothing is asked for writes nothing: Ctrl-C is heard all the same.
        await setImmediate();
        await this.segment(name, output);
      }
      await output.finish();
      this.files.push(name);
    } finally {
      await output.discard();
    }
  }

  gaps(found: readonly Missing[]): void {
    for (const each of found) (each.isTrouble ? this.missing : this.remarks).push(missingInWords(each));
  }

  private async segment(name: SegmentName, output: OutputFile): Promise<void> {
    for (const { gateway, batch } of this.readable(name)) {
      if (this.options.signal.aborted) throw stopped(this.options.out);
      await output.write(this.textOf(gateway, name, batch));
    }
  }

  private *readable(name: SegmentName): Iterable<Readable> {
    let segment: SegmentReader | null = null;
    let given = emptyRanges;
    try {
      segment = SegmentReader.open(this.reader.folder, name);
      for (const batch of segment?.batches() ?? []) {
        given = addRange(given, batch.seq);
        yield { gateway: segment?.head.gateway ?? '', batch };
      }
    } catch (error) {
      if (!this.reader.isGone(name)) yield* this.salvaged(name, given, error);
      else this.missing.push(`${segmentFile(name)}: the running agent let it go meanwhile`);
    } finally {
      segment?.close();
    }
  }

  /** Of a damaged file, what can be proven and was not read before the damage was met. */
  private *salvaged(name: SegmentName, given: Ranges, error: unknown): Iterable<Readable> {
    const { file, reason, isDamaged } = troubleOf(segmentFile(name), error);
    const salvaged = isDamaged ? Salvaged.of(join(this.reader.folder, file), name) : null;
    const held = unionRanges(given, salvaged?.held ?? []);
    const end = lastBeforeNext(name, this.reader.names) ?? (salvaged?.end.isProven === true ? salvaged.last : null);
    const lost = subtractRanges([[name.first, end ?? held.at(-1)?.[1] ?? name.first]], held);
    const isAll = end !== null && lost.length === 0;
    (isAll ? this.remarks : this.missing).push(`${file}: ${reason}: ${givenInWords(held, lost, end !== null)}`);
    if (salvaged === null) return;
    for (const [from, to] of subtractRanges(held, given)) {
      for (let seq = from; seq <= to; seq++) yield { gateway: salvaged.head.gateway, batch: salvaged.batch(seq) };
    }
    salvaged.close();
  }

  private textOf(gateway: string, name: SegmentName, { seq, bytes }: ReadBatch): string {
    const written = this.written.get(name.stream) ?? emptyRanges;
    if (hasNumber(written, seq)) return '';
    this.written.set(name.stream, addRange(written, seq));
    const result = decodeBatch(bytes, gateway, this.lists);
    if (!result.ok) {
      this.missing.push(`${segmentFile(name)}: batch ${seq}: ${result.code}: ${result.reason}`);
      return '';
    }
    for (const { position, reason } of result.batch.rejected) {
      this.missing.push(`${segmentFile(name)}: batch ${seq}, sample ${position}: ${reason}`);
    }
    const { from, to } = this.options;
    const passes = (time: Micros): boolean => (from === null || time >= from) && (to === null || time < to);
    const { text, samples } = sampleFormats[this.options.format].lines(result.batch, passes);
    this.batches += 1;
    this.samples += samples;
    return text;
  }

  private gatewayOf(names: readonly SegmentName[]): string {
    for (const name of names) {
      const gateway = this.reader.read(
        name,
        ({ head }) => head.gateway,
        () => undefined,
      );
      if (gateway !== undefined) return gateway;
    }
    return 'unknown';
  }
}

function givenInWords(held: Ranges, lost: Ranges, isEndKnown: boolean): string {
  const last = held.at(-1)?.[1];
  if (last === undefined) return 'none of its batches can be given';
  const rest = lost.length === 0 ? [] : [rangesInWords(lost)];
  if (!isEndKnown) rest.push(`what may have stood behind ${last}`);
  if (rest.length === 0) return `all of its batches (${rangesInWords(held)}) are given all the same`;
  return `its batches ${rangesInWords(held)} are given; not ${rest.join(', nor ')}`;
}

const stopped = (out: string): FieldlineError =>
  new FieldlineError('export/incomplete', `stopped before the end: ${out} was not written`);
