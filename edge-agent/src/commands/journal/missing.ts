/** Numbers that a journal neither holds nor knows to be confirmed or declared, as the heads of its files and their numbers say. */
import {
  decodeBatch,
  emptyRanges,
  intersectRanges,
  type Predecessor,
  type Ranges,
  unionRanges,
} from '@fieldline/shared/contracts';
import type { FolderReader } from '../../journal/reader/folder-reader.ts';
import { type Hole, holes, type Known } from './holes.ts';
import { type Found, type Looking, look } from './look.ts';

export type Missing = Hole & {
  /** A running agent may just have let it go, confirmed: then it is none. */
  readonly isTrouble: boolean;
  readonly toDo: string;
};

/** `known`: from all files of the folder. */
export function missingFrom(reader: FolderReader, known: Omit<Known, 'confirmed' | 'noted'>): Missing[] {
  const note = reader.note();
  const noted = new Map<string, Ranges>(note.held);
  return holes({ ...known, confirmed: new Map(note.confirmed), noted }).map((hole) => ({
    ...hole,
    isTrouble: reader.agentRuns !== true,
    toDo: reader.agentRuns === true ? 'the running agent may just have let it go, confirmed' : whatToDo(hole, noted),
  }));
}

const unproven: Looking = { confirmed: emptyRanges, provesBatches: false, onTrouble: () => undefined };

/** Without reading more of each file than its numbers, its declarations and its first batch. */
export const missingByNumbers = (reader: FolderReader): Missing[] =>
  missingFrom(reader, knownFrom(reader.names.flatMap((name) => look(reader, name, unproven) ?? [])));

export function knownFrom(found: readonly Found[]): Omit<Known, 'confirmed' | 'noted'> {
  const held = new Map<string, Ranges>();
  for (const { name, held: own } of found)
    held.set(name.stream, unionRanges(held.get(name.stream) ?? emptyRanges, own));
  return {
    held,
    declared: found.flatMap(({ declared }) => declared),
    predecessors: found.flatMap(({ gateway, firstBytes }) =>
      firstBytes === null ? [] : previousIn(firstBytes, gateway),
    ),
  };
}

function previousIn(bytes: Buffer, gateway: string): Predecessor[] {
  const result = decodeBatch(bytes, gateway);
  return result.ok && result.batch.previous ? [result.batch.previous] : [];
}

/** At the beginning of a stream, where the note does not know better, a file that is gone may be one that was confirmed just before a kill. */
const whatToDo = ({ stream, range }: Hole, noted: ReadonlyMap<string, Ranges>): string =>
  range[0] === 1 && intersectRanges([range], noted.get(stream) ?? []).length === 0
    ? 'confirmed just before the agent was killed, or a file is gone: the ledger of the cloud knows whether it has them'
    : 'a file is gone or damaged; the next start of the agent declares it as lost';

export function missingInWords({ stream, range: [from, to], toDo }: Missing): string {
  const which = from === to ? `batch ${from} is` : `batches ${from}–${to} are`;
  return `stream ${stream}: ${which} neither held nor confirmed nor declared: ${toDo}`;
}
