/** Samples of a batch whose others are stored: they become rows of the same batch, and the ledger counts them over. */
import {
  addRange,
  countOf,
  type DecodedBatch,
  hasNumber,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';
import type { Decoded } from '../decode/decoder.ts';
import { onlyEntries, positionsOf } from '../decode/entries.ts';
import { saveStreams } from '../ledger/ledger-store.ts';
import { isCommitted, type StreamRow, withOutcome } from '../ledger/stream-row.ts';
import { countOver } from '../store/batch-log.ts';
import type { Session } from '../store/connection.ts';
import { type WriteContext, writeRows } from '../store/write-rows.ts';
import type { Letter } from './letters.ts';
import { listOf } from './positions.ts';
import { dead, type Result, type Trouble, untried } from './redrive-outcome.ts';
import { areMissing } from './rows-there.ts';

/** `asked`: positions in the batch; null for all that the letter is about. */
export async function redriveSamples(
  context: WriteContext,
  session: Session,
  letter: Letter,
  record: Decoded,
  rows: ReadonlyMap<string, StreamRow>,
  asked: Ranges | null,
): Promise<Result> {
  const about = letter.positions ?? [];
  const strangers = subtractRanges(asked ?? [], about);
  if (strangers.length > 0) return untried(`it is about ${listOf(about)} of its batch, not about ${listOf(strangers)}`);
  const wanted = subtractRanges(asked ?? about, letter.redriven);
  if (wanted.length === 0) return untried(`${listOf(asked ?? about)} of its batch were redriven before`, true);
  if (record.kind === 'reject') return dead(letter, record);
  if (record.kind !== 'batch') return untried('its bytes are no batch any more');

  const { gateway, batch } = record;
  const row = rows.get(batch.stream);
  if (row === undefined || row.gateway !== gateway || !isCommitted(row, batch.seq))
    return untried(`batch ${batch.seq} of ${gateway} is not in this database: its samples can only follow it`);
  const { done, stored, trouble } = await storeSamples(context, session, row, batch, wanted);
  if (done.length === 0) return dead(letter, trouble ?? unknownPositions);

  const redriven = unionRanges(letter.redriven, done);
  const left = countOf(subtractRanges(about, redriven));
  const what = `batch ${batch.seq} of ${gateway}, stream ${batch.stream}`;
  return {
    outcome:
      stored === 0 && trouble === null
        ? { kind: 'needless', why: `${listOf(done)} of ${what} are rows already` }
        : { kind: 'stored', what, samples: stored, left, why: trouble },
    attempt: { redriven, trouble, isOpen: left > 0 },
  };
}

const unknownPositions: Trouble = {
  stage: 'decode',
  code: 'batch/malformed',
  reason: 'the batch has no samples at these positions any more',
};

type Stored = {
  /** Positions that are rows now. */
  readonly done: Ranges;
  /** How many of them were not before. */
  readonly stored: number;
  readonly trouble: Trouble | null;
};

async function storeSamples(
  context: WriteContext,
  session: Session,
  row: StreamRow,
  batch: DecodedBatch,
  wanted: Ranges,
): Promise<Stored> {
  const { gateway, streamNo } = row;
  const positions = positionsOf(batch);
  const entries = [...positions.keys()].filter((entry) => hasNumber(wanted, positions[entry] as number));
  const isMissing = await areMissing(session, gateway, { streamNo, seq: batch.seq }, batch, entries);
  const missing = entries.filter((_, n) => isMissing[n]);
  const { refused } = await writeRows(context, session, [
    {
      gateway,
      streamNo,
      batch: onlyEntries(batch, missing),
      positions: missing.map((entry) => positions[entry] as number),
    },
  ]);
  const isRefused = new Set(refused.map((each) => missing[each.row]));
  const rows = missing.filter((entry) => !isRefused.has(entry));
  if (rows.length > 0) {
    const times = rows.map((entry) => batch.time[entry] as number);
    await saveStreams(session, [withOutcome(row, rows.length, -rows.length)]);
    await countOver(session, { streamNo, seq: batch.seq }, times);
  }
  const [refusal] = refused;
  const rejected = batch.rejected.find(({ position }) => hasNumber(wanted, position));
  return {
    done: entries
      .filter((entry) => !isRefused.has(entry))
      .reduce<Ranges>((sum, entry) => addRange(sum, positions[entry] as number), []),
    stored: rows.length,
    trouble:
      refusal !== undefined
        ? { stage: 'store', code: 'database/data', reason: refusal.reason }
        : rejected !== undefined
          ? { stage: 'decode', code: rejected.code, reason: rejected.reason }
          : null,
  };
}
