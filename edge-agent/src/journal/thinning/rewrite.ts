import { type DecodedBatch, encodeBatch, type Sample } from '@fieldline/shared/contracts';
import { type Row, textOf } from '../segment-rows.ts';
import type { Encoding } from '../stream-writer.ts';
import type { SourceBatch } from './batch-source.ts';
import { inFewerWords, samplesIn, type ThinnedDeclaration } from './declarations.ts';
import { GiveUp } from './give-up.ts';

export type Thinned = {
  /** What stays of its samples. */
  readonly kept: readonly Sample[];
  /** Taken out up to it and not declared before it. */
  readonly undeclared: number;
  /** What it shall declare of that. */
  readonly declares: readonly ThinnedDeclaration[];
};

/** The same batch with fewer samples; its `samplesThrough` is for others to say. @throws GiveUp where it has no room for what it must say */
export function rewrite({ row, batch }: SourceBatch, thinned: Thinned, encoding: Encoding): Row {
  const { kept, undeclared, declares } = thinned;
  if (kept.length === batch.sent && undeclared === 0) return row;
  const { declared: before, ...head } = headOf(batch);
  const open = (batch.thinned ?? 0) + undeclared - samplesIn(declares);
  for (const own of declares.length === 0 ? [[]] : inFewerWords(declares)) {
    const declared = [...before, ...own];
    const bytes = encodeBatch({ ...head, thinned: open, declared, samples: kept }, encoding.compression);
    if (bytes.length <= encoding.maxBatchBytes) return { ...row, declared: textOf(declared), bytes };
  }
  throw new GiveUp(`batch ${row.seq} has no room to declare what was taken out`);
}

function headOf(batch: DecodedBatch) {
  const { tags, sent, tagIndex, time, value, quality, rejected, ...head } = batch;
  return head;
}
