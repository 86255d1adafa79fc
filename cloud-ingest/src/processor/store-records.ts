/**
 * The exactly-once step: records of the backbone become rows, ledger, latest values, dead letters and offsets in one
 * transaction, or nothing of it does.
 *
 * The offsets are the fence. They are locked first; if they are where the caller thinks, the records are new. If they lie
 * behind the records already, this very work was done before, by a transaction whose answer was lost: nothing is to do. If
 * they are anywhere else, somebody else is at work, and the caller begins again from the database.
 */
import { writeDeadLetters } from '../dead-letters/write.ts';
import type { Decoded } from '../decode/decoder.ts';
import { type ContentContext, gatewaysOf, type StoredContent, storeContent } from '../ledger/store-content.ts';
import type { Session, Store } from '../store/connection.ts';
import { advanceOffsets, isSameMark, lockOffsets, type Mark, type NextMarks, type SourceTopic } from './offsets.ts';

export type StoreContext = ContentContext & {
  readonly store: Store;
  readonly source: SourceTopic;
};

export type Outcome =
  | ({ readonly kind: 'stored' } & StoredContent)
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
    for (const gateway of gatewaysOf(records)) context.gateways.add(gateway);
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
