/** Entries of one file with times, as the journal takes them. */
import type { Declaration, LossReason, Micros, Sample, TagClass } from '@fieldline/shared/contracts';
import { isDamage } from '../trouble.ts';
import { isBelieved } from './boot.ts';
import type { Entry, Held, Lost } from './entry.ts';
import { decodeSamples, type KnownTags } from './samples-codec.ts';
import type { Source } from './source.ts';
import { uncertain } from './uncertain.ts';

export type Chunk = {
  readonly tagClass: TagClass;
  readonly samples: readonly Sample[];
  /** How many the filter held back beside them. */
  readonly filtered: number;
  readonly declared: readonly Declaration[];
  /** To be in the note of the journal with these samples, in one transaction: what is through at a kill. */
  readonly id: string;
  readonly position: number;
};

/** The oldest of the entries: at least one, and no more samples than asked for where that can be. */
export function chunkOf(source: Source, entries: readonly Entry[], most: number, tags: KnownTags): Chunk | null {
  const [first] = entries;
  if (first === undefined) return null;
  const { offset, isEstimated } = source.head;
  const samples: Sample[] = [];
  const declared: Declaration[] = [];
  let { row: position } = first;
  let filtered = 0;
  for (const entry of entries) {
    const count = entry.kind === 'held' ? entry.samples : 0;
    if (entry !== first && samples.length + count > most) break;
    const own = entry.kind === 'held' ? read(source, entry, tags) : null;
    for (const sample of own ?? []) samples.push(dated(sample, offset ?? 0, isEstimated));
    if (own === null) declared.push(declarationOf(entry, offset ?? 0));
    filtered += entry.filtered;
    position = entry.row;
  }
  return { tagClass: first.tagClass, samples, filtered, declared, id: source.name.id, position };
}

/** null where they are not there, or not what was written. @throws where the disk gives nothing now */
function read(source: Source, { row, bytesChecksum }: Held, tags: KnownTags): Sample[] | null {
  try {
    return decodeSamples(source.record.waiting.get(row) ?? source.file.read(row, bytesChecksum), tags);
  } catch (error) {
    if (!isDamage(error)) throw error;
    source.isDamaged = true;
    return null;
  }
}

function dated(sample: Sample, offset: Micros, isEstimated: boolean): Sample {
  if (isBelieved(sample.time)) return sample;
  const withTime = { ...sample, time: sample.time + offset };
  return isEstimated ? uncertain(withTime) : withTime;
}

/** Of what was lost, or of samples that cannot be read. */
function declarationOf(entry: Held | Lost, offset: Micros): Declaration {
  const { device, tag, reason } = entry.kind === 'lost' ? entry : unreadable;
  const from = timeOf(entry.first, offset);
  const to = Math.max(from, timeOf(entry.last ?? entry.first, offset));
  return { kind: 'series', device, tag, from, to, samples: entry.samples, reason };
}

const unreadable = { device: null, tag: null, reason: 'journal-damaged' satisfies LossReason } as const;

const timeOf = (micros: number, offset: Micros): Micros => (isBelieved(micros) ? micros : Math.max(0, micros + offset));
