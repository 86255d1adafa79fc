/**
 * The exactly-once step: records of the backbone become rows, ledger, latest values, dead letters and offsets in one
 * transaction, or nothing of it does.
 *
 * The offsets are the fence. They are locked first; if they are where the caller thinks, the records are new. If they lie
 * behind the records already, this very work was done before, by a transaction whose answer was lost: nothing is to do. If
 * they are anywhere else, somebody else is at work, and the caller begins again from the database.
 */
import type { DeadLetter } from '../dead-letters/dead-letter.ts';
import { writeDeadLetters } from '../dead-letters/write.ts';
import type { Decoded } from '../decode/decoder.ts';
import { type Admission, type AdmittedBatch, admit, wantedStreams } from '../ledger/admit.ts';
import { type BatchOutcome, letterOf, logEntryOf, outcomesOf, sampleLetters } from '../ledger/batch-outcome.ts';
import { lockStreams, reportAnomalies, samplesInLog, saveStreams } from '../ledger/ledger-store.ts';
import { type StreamRow, withOutcome } from '../ledger/stream-row.ts';
import { writeBatchLog } from '../store/batch-log.ts';
import type { Session, Store } from '../store/connection.ts';
import { writeDeclarations } from '../store/declarations.ts';
import { addGateways, saveBirth, saveState } from '../store/gateways.ts';
import { type WriteContext, writeRows } from '../store/write-rows.ts';
import type { WrittenSamples } from '../store/write-samples.ts';
import { advanceOffsets, isSameMark, lockOffsets, type Mark, type NextMarks, type SourceTopic } from './offsets.ts';

/** What storing needs, whoever does it: the processor, and who redrives dead letters. */
export type ContentContext = WriteContext & {
  /** Gateways known to be in the table. */
  readonly gateways: Set<string>;
};

export type StoreContext = ContentContext & {
  readonly store: Store;
  readonly source: SourceTopic;
};

export type Outcome =
  | {
      readonly kind: 'stored';
      readonly stored: number;
      readonly duplicateSamples: number;
      readonly letters: readonly DeadLetter[];
      readonly taken: WrittenSamples['taken'];
    }
  | { readonly kind: 'already-stored' }
  | { readonly kind: 'fenced' };

class Fenced extends Error {}

/**
 * `expected`: the offsets as the caller last saw them in the database. `next`: where they will be after these records.
 * @throws FieldlineError of the database; after an error at the commit a second call finds out whether it took place
 */
export async function storeRecords(
  context: StoreContext,
  records: readonly Decoded[],
  expected: NextMarks,
  next: ReadonlyMap<number, Mark>,
): Promise<Outcome> {
  try {
    const outcome = await context.store.inTransaction((session) =>
      transaction(context, session, records, expected, next),
    );
    context.series.committed();
    for (const { gateway } of records) if (gateway !== null) context.gateways.add(gateway);
    return outcome;
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced' };
    throw error;
  }
}

async function transaction(
  context: StoreContext,
  session: Session,
  records: readonly Decoded[],
  expected: NextMarks,
  next: ReadonlyMap<number, Mark>,
): Promise<Outcome> {
  const offsets = await lockOffsets(session, context.source, [...next.keys()]);
  const partitions = [...next];
  if (partitions.every(([partition, end]) => (offsets.get(partition)?.offset ?? -1) >= end.offset)) {
    return { kind: 'already-stored' };
  }
  if (partitions.some(([partition]) => !isSameMark(offsets.get(partition), expected.get(partition))))
    throw new Fenced();

  const content = await storeContent(context, session, records);
  await writeDeadLetters(session, content.letters);
  if (!(await advanceOffsets(session, context.source, offsets, next))) throw new Fenced();
  await session.query('NOTIFY fieldline_commit');
  return { kind: 'stored', ...content };
}

/** Rows, ledger and all that follows from the records; the letters of what cannot be stored are the caller's to keep. */
export async function storeContent(
  context: ContentContext,
  session: Session,
  records: readonly Decoded[],
): Promise<Omit<Extract<Outcome, { kind: 'stored' }>, 'kind'>> {
  const admission = admit(records, await lockStreams(session, wantedStreams(records)));
  await saveGateways(context, session, records);
  const { outcomes, taken } = await writeBatches(context, session, admission.batches);
  await correctDeclared(session, admission);
  await writeDeclarations(
    session,
    admission.declarations.map(({ origin, ...entry }) => ({ ...entry, declaredAt: origin.receivedAt })),
  );
  await reportAnomalies(session, admission.anomalies);
  await saveStreams(session, changedRows(admission, outcomes));
  return {
    stored: outcomes.reduce((sum, outcome) => sum + outcome.stored, 0),
    duplicateSamples: admission.duplicateSamples,
    letters: [...rejectLetters(admission), ...outcomes.flatMap(sampleLetters)],
    taken,
  };
}

/** Gateways on first sight, then what they say of themselves: a birth gives its series their types before the rows come. */
async function saveGateways(context: ContentContext, session: Session, records: readonly Decoded[]): Promise<void> {
  const seen = new Set(records.flatMap(({ gateway }) => gateway ?? []));
  await addGateways(
    session,
    [...seen].filter((gateway) => !context.gateways.has(gateway)),
  );
  for (const record of records) {
    const { receivedAt } = record.origin;
    if (record.kind === 'birth') await saveBirth(session, { birth: record.birth, receivedAt });
    else if (record.kind === 'state') await saveState(session, { state: record.state, receivedAt });
  }
}

async function writeBatches(
  context: ContentContext,
  session: Session,
  batches: readonly AdmittedBatch[],
): Promise<{ readonly outcomes: readonly BatchOutcome[]; readonly taken: WrittenSamples['taken'] }> {
  const { rows, refused, taken } = await writeRows(context, session, batches);
  const outcomes = outcomesOf(batches, rows, refused);
  await writeBatchLog(session, outcomes.map(logEntryOf));
  return { outcomes, taken };
}

/** A declaration counts the samples of its whole range; those that are stored all the same come off again. */
async function correctDeclared(session: Session, admission: Admission): Promise<void> {
  for (const { stream, from, to, samples } of admission.overlaps) {
    const row = admission.rows.get(stream);
    if (row === undefined) continue;
    const stored = await samplesInLog(session, row.streamNo, from, to);
    const declaredSamples = Math.max(0, row.declaredSamples - Math.min(stored, samples));
    admission.rows.set(stream, { ...row, declaredSamples });
  }
}

function changedRows(admission: Admission, outcomes: readonly BatchOutcome[]): StreamRow[] {
  for (const { batch, stored } of outcomes) {
    const row = admission.rows.get(batch.stream);
    if (row !== undefined) admission.rows.set(batch.stream, withOutcome(row, stored, batch.sent - stored));
  }
  return [...admission.changed].flatMap((stream) => admission.rows.get(stream) ?? []);
}

function rejectLetters({ rejects }: Admission): DeadLetter[] {
  return rejects.map(({ reject, origin }) =>
    letterOf(origin, reject.gateway, reject.stage, reject.code, reject.reason, null),
  );
}
