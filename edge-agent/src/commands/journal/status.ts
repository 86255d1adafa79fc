/** What a journal folder holds, as its files say: the look that changes nothing. */
import { type Declaration, emptyRanges, type Micros, type Ranges, type TagClass } from '@fieldline/shared/contracts';
import { mergeDeclarations } from '../../journal/merge-declarations.ts';
import type { FileTrouble, FolderReader, OtherFile, SetAsideFile } from '../../journal/reader/folder-reader.ts';
import { segmentFile, setAsideNames } from '../../journal/segment-name.ts';
import { type Space, spaceOf } from '../../journal/space.ts';
import { type Arrived, arrivalRate, type Rate } from './arrival.ts';
import { addDepth, type Depth, emptyDepth } from './depth.ts';
import { type HoursLeft, hoursLeft, type JournalBounds } from './hours-left.ts';
import { type Found, look } from './look.ts';
import { knownFrom, type Missing, missingFrom } from './missing.ts';
import { openPlace, type Place } from './place.ts';

export type StreamStatus = Depth & {
  readonly stream: string;
  readonly class: TagClass;
  readonly openedAt: Micros;
  readonly volatile: boolean;
};

/** `file`: the damaged one whose batch says it; null where whole ones do. */
export type DeclaredLoss = Declaration & { readonly file: string | null };

export type JournalStatus = {
  readonly folder: string;
  /** False where no file of one is in the folder. */
  readonly isJournal: boolean;
  /** Every batch was read and proven by its checksum; else only heads and numbers were looked at. */
  readonly provesBatches: boolean;
  /** As the files say; more than one is trouble. */
  readonly gateways: readonly string[];
  readonly agentRuns: boolean | null;
  readonly at: Micros;
  readonly segments: number;
  readonly total: Depth;
  readonly streams: readonly StreamStatus[];
  /** null where the settings are not known. */
  readonly bounds: (JournalBounds & { readonly fullPercent: number }) | null;
  /** null where it cannot be asked. */
  readonly disk: Space | null;
  readonly arrival: Rate;
  /** null where it is not known. */
  readonly hoursLeft: HoursLeft | null;
  /** In the batches that are held, and in files set aside: earlier ones went with theirs. */
  readonly declared: readonly DeclaredLoss[];
  /** Numbers that are neither held nor confirmed nor declared. */
  readonly missing: readonly Missing[];
  /** Damaged, and dealt with. */
  readonly setAside: readonly SetAsideFile[];
  /** Samples in them wait for the clock to be set. */
  readonly undated: readonly OtherFile[];
  readonly troubles: readonly FileTrouble[];
};

/** What is read in a part of a second (0.3 s for so much on a PC). A full journal is many times that. */
const mostProvenBytes = 64 * 1024 ** 2;

/** @throws FieldlineError journal/unreadable */
export function journalStatus(place: Place, now: Micros): JournalStatus {
  const reader = openPlace(place.folder);
  try {
    return statusOf(reader, place, now);
  } finally {
    reader.close();
  }
}

function statusOf(reader: FolderReader, { folder, settings }: Place, now: Micros): JournalStatus {
  const troubles: FileTrouble[] = [];
  const confirmed = new Map<string, Ranges>(reader.note().confirmed);
  const provesBatches = reader.names.reduce((sum, name) => sum + reader.sizeBytes(name), 0) <= mostProvenBytes;
  const found = reader.names.flatMap((name) => {
    const own = confirmed.get(name.stream) ?? emptyRanges;
    const looking = { confirmed: own, provesBatches, onTrouble: (trouble: FileTrouble) => void troubles.push(trouble) };
    return look(reader, name, looking) ?? [];
  });
  const [setAside, undated] = [reader.setAside(), reader.undated()];
  const aside = declaredAside(reader, (trouble) => troubles.push(trouble));
  const unread = reader.names.filter((name) => !found.some((each) => each.name === name));
  const otherBytes =
    [...setAside, ...undated].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) +
    unread.reduce((sum, name) => sum + reader.sizeBytes(name), 0);
  const depths = found.map(({ depth }) => depth);
  const depth = depths.reduce(addDepth, emptyDepth);
  const total = { ...depth, sizeBytes: depth.sizeBytes + otherBytes };
  const arrival = rateOf(reader, now);
  const disk = diskOf(folder);
  return {
    folder,
    isJournal: reader.isJournal,
    provesBatches,
    gateways: [...new Set(found.map(({ gateway }) => gateway))],
    agentRuns: reader.agentRuns,
    at: now,
    segments: found.length,
    total,
    streams: streamsOf(found),
    bounds:
      settings === null
        ? null
        : {
            maxBytes: settings.maxBytes,
            keepFreeBytes: settings.keepFreeBytes,
            maxAgeMs: settings.maxAgeMs,
            keepConfirmedForMs: settings.keepConfirmedForMs,
            fullPercent: Math.round((total.sizeBytes / settings.maxBytes) * 1_000) / 10,
          },
    arrival,
    disk,
    hoursLeft: settings === null ? null : hoursLeft(settings, depths, otherBytes, disk, arrival.bytesPerHour, now),
    declared: [...declaredIn(found), ...aside],
    missing: missingFrom(reader, knownFrom(found)),
    setAside,
    undated,
    troubles: [...troubles, ...foreign(found, settings?.gateway ?? found[0]?.gateway)],
  };
}

/** Of whole files together, of each damaged one on its own. */
function declaredIn(found: readonly Found[]): DeclaredLoss[] {
  const whole = found.filter(({ isDamaged }) => !isDamaged);
  const damaged = found.filter(({ isDamaged }) => isDamaged);
  return [
    ...lossesOf(
      null,
      whole.flatMap(({ declared }) => declared),
    ),
    ...damaged.flatMap(({ name, declared }) => lossesOf(segmentFile(name), declared)),
  ];
}

/** What batches declare that are confirmed, or declared as lost themselves: their files wait for whoever wants to look into them. */
function declaredAside(reader: FolderReader, onTrouble: (trouble: FileTrouble) => void): DeclaredLoss[] {
  return reader.setAside().flatMap(({ file }) => {
    const [name] = setAsideNames([file]);
    if (name === undefined) return [];
    const declared = reader.salvageSetAside(name, (salvaged) => salvaged.declaredIn(salvaged.held), onTrouble);
    return lossesOf(file, declared ?? []);
  });
}

const lossesOf = (file: string | null, declared: readonly Declaration[]): DeclaredLoss[] =>
  mergeDeclarations(declared).map((each) => ({ ...each, file }));

function streamsOf(found: readonly Found[]): StreamStatus[] {
  const streams = new Map<string, StreamStatus>();
  for (const { name, openedAt, volatile, depth } of found) {
    const { stream, class: tagClass } = name;
    const known = streams.get(stream) ?? { stream, class: tagClass, openedAt, volatile, ...emptyDepth };
    streams.set(stream, { ...known, ...addDepth(known, depth) });
  }
  return [...streams.values()];
}

function diskOf(folder: string): Space | null {
  try {
    return spaceOf(folder);
  } catch {
    return null;
  }
}

function rateOf(reader: FolderReader, now: Micros): Rate {
  const arrived = [...arrivedIn(reader, now)].sort((left, right) => right.encodedAt - left.encodedAt);
  return arrivalRate(arrived, bytesPerByte(reader), now);
}

/** What a byte of a batch takes in the newest files of each class: two, since the last may just have begun. */
function bytesPerByte(reader: FolderReader): number {
  const byClass = Map.groupBy(reader.names, (name) => name.class);
  let [payloads, sizes] = [0, 0];
  for (const name of [...byClass.values()].flatMap((names) => names.slice(-2))) {
    const filled = reader.read(
      name,
      (segment) => segment.filled(),
      () => undefined,
    );
    payloads += filled?.payload ?? 0;
    sizes += filled?.pages ?? 0;
  }
  return payloads === 0 ? 1 : sizes / payloads;
}

/** In each class newest first; back to the first file that is missing: it was deleted when all of it was confirmed. */
function* arrivedIn(reader: FolderReader, now: Micros): Iterable<Arrived> {
  let next: number | undefined;
  const beyond = new Set<TagClass>();
  for (const name of reader.names.toReversed()) {
    if (next !== undefined && name.number !== next) return;
    next = name.number - 1;
    if (beyond.has(name.class)) continue;
    // What is older than an hour is of no use: one day of batches would be read for nothing.
    const since = now - 3_600_000_000;
    const recent: Arrived[] = [];
    const whole = reader.read(
      name,
      (segment) => {
        for (const batch of segment.newestFirst()) {
          recent.push(batch);
          if (batch.encodedAt < since) return false;
        }
        return true;
      },
      () => undefined,
    );
    yield* recent;
    if (whole === undefined) return;
    if (!whole) beyond.add(name.class);
  }
}

const foreign = (found: readonly Found[], gateway: string | undefined): FileTrouble[] =>
  found
    .filter((each) => each.gateway !== gateway)
    .map((each) => ({
      file: segmentFile(each.name),
      reason: `it holds batches of gateway ${each.gateway}, not ${gateway ?? ''}`,
      isDamaged: false,
      toDo: 'name the journal folder of this gateway, or the settings of the other one: an agent refuses this folder',
    }));
