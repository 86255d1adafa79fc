/**
 * Reads the whole journal and says whether the agent, the cloud and the proof of completeness can rely on it: SQLite's own
 * check, every batch through the decoder of the cloud, and the numbers, of which none may be missing unsaid.
 */
import { setImmediate } from 'node:timers/promises';
import {
  addRange,
  type Declaration,
  decodeBatch,
  emptyRanges,
  intersectRanges,
  type Predecessor,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import { lastBeforeNext } from '../../journal/found.ts';
import type { FileTrouble, FolderReader } from '../../journal/reader/folder-reader.ts';
import type { SegmentReader } from '../../journal/reader/segment-reader.ts';
import { damageInWords } from '../../journal/salvage/damage-in-words.ts';
import { type SegmentName, segmentFile, setAsideNames } from '../../journal/segment-name.ts';
import type { ReadBatch } from '../../journal/segment-rows.ts';
import type { Hole } from './holes.ts';
import { rangesInWords, setAsideInWords, undatedInWords } from './in-words.ts';
import { missingFrom, missingInWords } from './missing.ts';
import { openJournalPlace, type Place } from './place.ts';

export type Verified = {
  readonly segments: number;
  readonly streams: number;
  readonly batches: number;
  readonly samples: number;
  /** One line each, with what to do. */
  readonly troubles: readonly string[];
  /** What looks like trouble, and is not. */
  readonly remarks: readonly string[];
};

const notToBeStored =
  'the cloud would keep it as a dead letter; send a copy of the folder to those who maintain the agent';

/** @throws FieldlineError journal/unreadable; the reason of the signal when that is aborted */
export async function verifyJournal(place: Place, signal?: AbortSignal): Promise<Verified> {
  const reader = openJournalPlace(place.folder);
  try {
    return await verified(reader, place, signal);
  } finally {
    reader.close();
  }
}

async function verified(reader: FolderReader, { settings }: Place, signal: AbortSignal | undefined): Promise<Verified> {
  const check = new Check(settings?.gateway ?? null);
  for (const name of reader.names) {
    // Two gigabytes take a while: Ctrl-C is heard between two files.
    await setImmediate();
    signal?.throwIfAborted();
    reader.read(
      name,
      (segment) => check.segment(segment),
      (trouble) => check.unreadable(reader, name, trouble),
    );
  }
  const remarks: string[] = reader.undated().map(undatedInWords);
  const missing = missingFrom(reader, check);
  for (const file of reader.setAside()) {
    if (isDealtWith(file.file, missing, reader.names)) remarks.push(setAsideInWords(file));
    else check.troubles.push(`${file.file}: ${notDealtWith}`);
  }
  for (const each of missing) (each.isTrouble ? check.troubles : remarks).push(missingInWords(each));
  const { segments, batches, samples, troubles } = check;
  return { segments, streams: check.held.size, batches, samples, troubles, remarks };
}

class Check {
  readonly troubles: string[] = [];
  readonly held = new Map<string, Ranges>();
  readonly declared: Declaration[] = [];
  readonly predecessors: Predecessor[] = [];
  segments = 0;
  batches = 0;
  samples = 0;
  /** Of the settings, else of the first segment. */
  private gateway: string | null;

  constructor(gateway: string | null) {
    this.gateway = gateway;
  }

  segment(segment: SegmentReader): void {
    const { name, head } = segment;
    const file = segmentFile(name);
    const said = (trouble: string): void => void this.troubles.push(`${file}: ${trouble}`);
    this.segments += 1;
    this.gateway ??= head.gateway;
    if (head.gateway !== this.gateway) {
      said(
        `it holds batches of gateway ${head.gateway}, not ${this.gateway}: move it to the journal folder of that one`,
      );
    }
    for (const defect of segment.defects()) {
      said(`SQLite says: ${defect}: the agent reads round it, and declares what it cannot prove`);
    }
    for (const batch of segment.batches()) this.batch(name, head.gateway, batch);
  }

  /** Of a damaged file, what the agent would send: batches that were read before the damage was met are known already. */
  unreadable(reader: FolderReader, name: SegmentName, { file, reason, toDo, isDamaged }: FileTrouble): void {
    if (!isDamaged) {
      this.troubles.push(`${file}: ${reason}: ${toDo}`);
      return;
    }
    const said = (held: Ranges): void =>
      void this.troubles.push(
        `${file}: damaged (${damageInWords(name.first, held)}; ${reason}): ${fateOf(name.first, held)}`,
      );
    const isProven = reader.salvage(name, (salvaged) => {
      said(salvaged.held);
      for (const [from, to] of subtractRanges(salvaged.held, this.held.get(name.stream) ?? [])) {
        for (let seq = from; seq <= to; seq++) this.batch(name, salvaged.head.gateway, salvaged.batch(seq));
      }
      return true;
    });
    if (isProven === undefined) said([]);
  }

  private batch(name: SegmentName, gateway: string, batch: ReadBatch): void {
    const trouble = this.troubleOf(name.stream, gateway, batch);
    if (trouble !== null) this.troubles.push(`${segmentFile(name)}: batch ${batch.seq}: ${trouble}: ${notToBeStored}`);
  }

  /** What is wrong with it, or null. */
  private troubleOf(stream: string, gateway: string, { seq, samples, declared, bytes }: ReadBatch): string | null {
    this.held.set(stream, addRange(this.held.get(stream) ?? emptyRanges, seq));
    this.declared.push(...declared);
    this.batches += 1;
    this.samples += samples;
    const result = decodeBatch(bytes, gateway);
    if (!result.ok) return `${result.code}: ${result.reason}`;
    const { batch } = result;
    if (batch.previous) this.predecessors.push(batch.previous);
    if (batch.stream !== stream || batch.seq !== seq)
      return `its bytes say batch ${batch.seq} of stream ${batch.stream}`;
    if (batch.sent !== samples) return `its bytes have ${batch.sent} samples, the journal counts ${samples}`;
    if (JSON.stringify(batch.declared) !== JSON.stringify(declared))
      return 'its bytes declare other losses than the journal';
    const [rejected] = batch.rejected;
    return rejected === undefined ? null : `sample ${rejected.position}: ${rejected.code}: ${rejected.reason}`;
  }
}

function fateOf(first: number, held: Ranges): string {
  const last = held.at(-1)?.[1];
  if (last === undefined) return 'nothing in it can be proven: the agent sets it aside and declares what it held';
  const gaps = subtractRanges([[first, last]], held);
  const rest =
    gaps.length === 0
      ? `what may have stood behind ${last}`
      : `${rangesInWords(gaps)}, and what may have stood behind ${last}`;
  return `the agent sends what can be proven of it (batches ${rangesInWords(held)}), declares the rest (${rest}), and sets it aside when that is done`;
}

/** The agent sets a file aside when the declaration of its loss stands in a newer one. */
function isDealtWith(file: string, found: readonly Hole[], names: readonly SegmentName[]): boolean {
  const [name] = setAsideNames([file]);
  if (name === undefined) return true;
  const last = lastBeforeNext(name, names) ?? Number.MAX_SAFE_INTEGER;
  const mayHave = found.some(
    ({ stream, range }) => stream === name.stream && intersectRanges([range], [[name.first, last]]).length > 0,
  );
  return !mayHave && names.some(({ number }) => number > name.number);
}

const notDealtWith =
  'set aside as damaged, and nobody has declared all that it may have held: take .damaged off its name, and the next start of the agent looks into it';
