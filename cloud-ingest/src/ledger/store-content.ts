/** What records say becomes rows, ledger and all that follows from them, within the transaction of whoever stores them. */
import type { DeadLetter } from '../dead-letters/dead-letter.ts';
import type { Decoded } from '../decode/decoder.ts';
import { writeBatchLog } from '../store/batch-log.ts';
import type { Session } from '../store/connection.ts';
import { writeDeclarations } from '../store/declarations.ts';
import { addGateways, saveBirth, saveState } from '../store/gateways.ts';
import { type WriteContext, writeRows } from '../store/write-rows.ts';
import type { WrittenSamples } from '../store/write-samples.ts';
import { type Admission, type AdmittedBatch, admit } from './admit.ts';
import { type BatchOutcome, letterOf, logEntryOf, outcomesOf, sampleLetters } from './batch-outcome.ts';
import { compareRepeated } from './compare-repeated.ts';
import { correctDeclared } from './correct-declared.ts';
import { lockStreams, reportAnomalies, saveStreams } from './ledger-store.ts';
import { type StreamRow, withOutcome } from './stream-row.ts';
import { saveTraits } from './stream-traits.ts';
import { wantedStreams } from './wanted-streams.ts';

/** What storing needs, whoever does it: the processor, and who redrives dead letters. */
export type ContentContext = WriteContext & {
  /** Gateways known to be in the table. */
  readonly gateways: Set<string>;
};

export type StoredContent = {
  readonly stored: number;
  readonly duplicateSamples: number;
  readonly letters: readonly DeadLetter[];
  readonly taken: WrittenSamples['taken'];
};

/** The letters of what cannot be stored are the caller's to keep. */
export async function storeContent(
  context: ContentContext,
  session: Session,
  records: readonly Decoded[],
): Promise<StoredContent> {
  const locked = await lockStreams(session, wantedStreams(records));
  const admission = admit(records, locked);
  await saveGateways(context, session, records);
  const { outcomes, taken } = await writeBatches(context, session, admission.batches);
  await writeDeclarations(
    session,
    admission.declarations.map(({ origin, ...entry }) => ({ ...entry, declaredAt: origin.receivedAt })),
  );
  await correctDeclared(session, admission);
  await reportAnomalies(session, [...admission.anomalies, ...(await compareRepeated(session, admission.repeated))]);
  const changed = changedRows(admission, outcomes);
  await saveStreams(session, changed);
  await saveTraits(session, changed, locked.rows);
  return {
    stored: outcomes.reduce((sum, outcome) => sum + outcome.stored, 0),
    duplicateSamples: admission.duplicateSamples,
    letters: [...rejectLetters(admission), ...outcomes.flatMap(sampleLetters)],
    taken,
  };
}

/**
 * Gateways that records tell of. What could not be read and does not even name its stream tells of none: a mistyped topic would
 * be a gateway for good. With a stream it is in the ledger, and its gateway has to be in the balance.
 */
export const gatewaysOf = (records: readonly Decoded[]): Set<string> =>
  new Set(
    records.flatMap((record) => (record.kind === 'reject' && record.identity === null ? [] : (record.gateway ?? []))),
  );

/** Gateways on first sight, then what they say of themselves: a birth gives its series their types before the rows come. */
async function saveGateways(context: ContentContext, session: Session, records: readonly Decoded[]): Promise<void> {
  await addGateways(
    session,
    [...gatewaysOf(records)].filter((gateway) => !context.gateways.has(gateway)),
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

function changedRows(admission: Admission, outcomes: readonly BatchOutcome[]): StreamRow[] {
  const counts = new Map<string, { stored: number; rejected: number }>();
  for (const { batch, stored } of outcomes) {
    const count = counts.get(batch.stream) ?? { stored: 0, rejected: 0 };
    counts.set(batch.stream, count);
    count.stored += stored;
    count.rejected += batch.sent - stored;
  }
  for (const [stream, { stored, rejected }] of counts) {
    const row = admission.rows.get(stream);
    if (row !== undefined) admission.rows.set(stream, withOutcome(row, stored, rejected));
  }
  return [...admission.changed].flatMap((stream) => admission.rows.get(stream) ?? []);
}

function rejectLetters({ rejects }: Admission): DeadLetter[] {
  return rejects.map(({ reject, origin }) =>
    letterOf(origin, reject.gateway, reject.stage, reject.code, reject.reason, null),
  );
}
