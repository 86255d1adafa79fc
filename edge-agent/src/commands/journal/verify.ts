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
  FieldlineError,
  type Predecessor,
  type Ranges,
} from '@fieldline/shared/contracts';
import { FolderReader } from '../../journal/reader/folder-reader.ts';
import type { ReadBatch, SegmentReader } from '../../journal/reader/segment-reader.ts';
import { segmentFile } from '../../journal/segment-name.ts';
import { type Hole, holes } from './holes.ts';
import type { Place } from './place.ts';

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
  const reader = FolderReader.open(place.folder);
  if (reader === null) throw folderIsMissing(place.folder);
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
      ({ file, reason, toDo }) => check.troubles.push(`${file}: ${reason}: ${toDo}`),
    );
  }
  for (const { file } of reader.setAside()) {
    check.troubles.push(
      `${file}: set aside as damaged, and declared as lost: delete it when nobody wants to look into it`,
    );
  }
  const remarks: string[] = [];
  for (const hole of holes({ ...check, confirmed: new Map(reader.note().confirmed) })) {
    if (reader.agentRuns === true)
      remarks.push(`${holeInWords(hole)}: the running agent may just have let it go, confirmed`);
    else check.troubles.push(`${holeInWords(hole)}: ${whatToDo(hole)}`);
  }
  const { segments, batches, samples, troubles } = check;
  return { segments, streams: check.held.size, batches, samples, troubles, remarks };
}

export const folderIsMissing = (folder: string): FieldlineError =>
  new FieldlineError(
    'journal/unreadable',
    `the journal folder ${folder} does not exist: no agent has run with it yet, or it is another one that is meant`,
  );

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
      said(`SQLite says: ${defect}: export what can be read before the agent sets the file aside`);
    }
    let expected = name.first;
    for (const batch of segment.batches()) {
      if (batch.seq !== expected) said(`batch ${expected} is missing before ${batch.seq}: ${notToBeStored}`);
      expected = batch.seq + 1;
      const trouble = this.batch(name.stream, head.gateway, batch);
      if (trouble !== null) said(`batch ${batch.seq}: ${trouble}: ${notToBeStored}`);
    }
  }

  /** What is wrong with it, or null. */
  private batch(stream: string, gateway: string, { seq, samples, declared, bytes }: ReadBatch): string | null {
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

/** At the beginning of a stream the agent takes a file that is gone for one that was confirmed just before it was killed. */
const whatToDo = ({ range: [from] }: Hole): string =>
  from === 1
    ? 'confirmed just before the agent was killed, or a file is gone: the ledger of the cloud knows whether it has them'
    : 'a file is gone; the next start of the agent declares it as lost';

function holeInWords({ stream, range: [from, to] }: Hole): string {
  const which = from === to ? `batch ${from} is` : `batches ${from}–${to} are`;
  return `stream ${stream}: ${which} neither held nor confirmed nor declared`;
}
