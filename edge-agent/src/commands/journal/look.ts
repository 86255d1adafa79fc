/** What one file of a journal holds, whole or damaged. */
import {
  countOf,
  type Declaration,
  hasNumber,
  type Micros,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import type { FileTrouble, FolderReader } from '../../journal/reader/folder-reader.ts';
import type { SegmentReader } from '../../journal/reader/segment-reader.ts';
import type { Salvaged } from '../../journal/salvage/salvaged.ts';
import type { SegmentName } from '../../journal/segment-name.ts';
import type { SegmentHead } from '../../journal/segment-rows.ts';
import type { Depth } from './depth.ts';

export type Found = SegmentHead & {
  readonly name: SegmentName;
  readonly isDamaged: boolean;
  readonly held: Ranges;
  /** Of the first batch of an opening, which names the one before; null in other files. */
  readonly firstBytes: Buffer | null;
  readonly depth: Depth;
  readonly declared: readonly Declaration[];
};

export type Looking = {
  readonly confirmed: Ranges;
  /** By their checksums, which reads all of the file. */
  readonly provesBatches: boolean;
  readonly onTrouble: (trouble: FileTrouble) => void;
};

type Held = {
  readonly held: Ranges;
  readonly samplesOf: (ranges: Ranges) => number;
  readonly encodedAt: (seq: number) => Micros;
};

/** undefined where nothing of it can be read, or is to be: whatever is wrong is told to `onTrouble`. */
export function look(
  reader: FolderReader,
  name: SegmentName,
  { confirmed, provesBatches, onTrouble }: Looking,
): Found | undefined {
  let isDamaged = false;
  const found = reader.read(
    name,
    (segment) => {
      if (provesBatches) segment.prove();
      else segment.checkNumbers();
      return ofWhole(reader, segment, confirmed);
    },
    (trouble) => {
      isDamaged = trouble.isDamaged;
      onTrouble(trouble);
    },
  );
  return isDamaged ? reader.salvage(name, (salvaged) => ofDamaged(reader, name, salvaged, confirmed)) : found;
}

function ofWhole(reader: FolderReader, segment: SegmentReader, confirmed: Ranges): Found {
  const held: Ranges = [[segment.name.first, segment.last]];
  return {
    ...segment.head,
    name: segment.name,
    isDamaged: false,
    held,
    firstBytes: segment.name.first === 1 ? segment.firstBytes() : null,
    depth: depthOf(
      {
        held,
        samplesOf: (ranges) => segment.samplesOf(ranges),
        encodedAt: (seq) => segment.encodedAt(seq),
      },
      confirmed,
      reader.sizeBytes(segment.name),
    ),
    declared: segment.declared(),
  };
}

/** What can be proven of it: the agent holds no more. */
const ofDamaged = (reader: FolderReader, name: SegmentName, salvaged: Salvaged, confirmed: Ranges): Found => ({
  ...salvaged.head,
  name,
  isDamaged: true,
  held: salvaged.held,
  firstBytes: hasNumber(salvaged.held, 1) ? salvaged.batch(1).bytes : null,
  depth: depthOf(
    {
      held: salvaged.held,
      samplesOf: (ranges) => salvaged.samplesOf(ranges),
      encodedAt: (seq) => salvaged.encodedAt(seq),
    },
    confirmed,
    reader.sizeBytes(name),
  ),
  declared: salvaged.declaredIn(salvaged.held),
});

function depthOf({ held, samplesOf, encodedAt }: Held, confirmed: Ranges, sizeBytes: number): Depth {
  const unconfirmed = subtractRanges(held, confirmed);
  const [oldest, newest] = [unconfirmed[0]?.[0], unconfirmed.at(-1)?.[1]];
  const [batches, samples] = [countOf(held), samplesOf(held)];
  const waiting = { batches: countOf(unconfirmed), samples: samplesOf(unconfirmed) };
  return {
    batches,
    samples,
    sizeBytes,
    unconfirmed: {
      ...waiting,
      oldestAt: oldest === undefined ? null : encodedAt(oldest),
      newestAt: newest === undefined ? null : encodedAt(newest),
    },
    confirmed: { batches: batches - waiting.batches, samples: samples - waiting.samples },
  };
}
