import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { DecodedBatch, Sample, Tag } from '@fieldline/shared/contracts';
import type { JournalOptions } from '../../src/journal/options.ts';
import { Segment } from '../../src/journal/segment.ts';
import { parseSegmentFile } from '../../src/journal/segment-name.ts';
import { ThinningJob, type ThinningOptions, type ThinningState } from '../../src/journal/thinning/thinning-job.ts';
import { segmentFiles } from './folder.ts';
import { decoded, openJournal } from './journal.ts';

export type Flush = { readonly samples: readonly Sample[]; readonly filtered: number };

/** What a journal has written and closed. */
export function writeJournal(folder: string, flushes: Iterable<Flush>, changes: Partial<JournalOptions> = {}): void {
  const journal = openJournal(folder, { segmentBytes: 1024 ** 3, ...changes });
  for (const { samples, filtered } of flushes) {
    journal.record(samples, filtered);
    journal.flush();
  }
  journal.close();
}

/** As the next start finds it. */
export function loadSegment(folder: string, index = 0): Segment {
  const name = parseSegmentFile(segmentFiles(folder)[index] ?? '');
  const segment = name === null ? null : Segment.load(folder, name, null);
  if (segment === null) throw new Error(`${folder} has no segment ${index}`);
  return segment;
}

export function batchesOf(segment: Segment): DecodedBatch[] {
  const batches: DecodedBatch[] = [];
  for (let seq = segment.name.first; seq <= segment.last; seq++) {
    const bytes = segment.read(seq)?.bytes;
    if (bytes === undefined) throw new Error(`batch ${seq} is not there`);
    batches.push(decoded(bytes));
  }
  return batches;
}

export const samplesIn = ({ tags, tagIndex, time, value, quality }: DecodedBatch): Sample[] =>
  tagIndex.map((index, position) => ({
    tag: tags[index] as Tag,
    time: time[position] ?? 0,
    value: value[position] ?? null,
    quality: quality[position] ?? 0,
  }));

export const encoding = { compression: 'none', maxBatchBytes: 100_000 } as const;

export function beginThinning(options: Pick<ThinningOptions, 'segment'> & Partial<ThinningOptions>): ThinningJob {
  const job = ThinningJob.begin({ thinToMs: () => 10_000, encoding, ...options });
  if (job === null) throw new Error('the segment cannot be thinned');
  return job;
}

/** Steps until it ends; gives the end, and how often it was asked. */
export async function run(job: ThinningJob, budgetMs = 5): Promise<{ state: ThinningState; steps: number }> {
  for (let steps = 1; ; steps++) {
    const state = job.step(budgetMs);
    if (state !== 'more') return { state, steps };
    await setImmediate();
  }
}

/** A plant whose tags all have one sample in each flush. */
export function* plant(tags: readonly Tag[], flushes: number, everyMs = 500): Generator<Flush> {
  for (let flush = 0; flush < flushes; flush++) {
    const time = 1_790_000_000_000_000 + flush * everyMs * 1_000;
    const samples = tags.map(
      (tag, index): Sample => ({ tag, time: time + index, value: flush + index / 7, quality: 0 }),
    );
    yield { samples, filtered: flush % 3 };
  }
}

export const numberTags = (device: string, count: number): Tag[] =>
  Array.from({ length: count }, (_, index) => ({ device, tag: `tag-${index}`, type: 'float64' }));

export const thinnedFile = (folder: string): string => join(folder, `${segmentFiles(folder)[0]}.thinning`);
