/** A whole record that could not be stored: it goes through decoder, ledger and store as if it came now. */
import { countOf, type Micros } from '@fieldline/shared/contracts';
import type { Decoded } from '../decode/decoder.ts';
import { type ContentContext, storeContent } from '../ledger/store-content.ts';
import { isCommitted, type StreamRow } from '../ledger/stream-row.ts';
import type { Session } from '../store/connection.ts';
import type { Letter } from './letters.ts';
import { closed, dead, type Result } from './redrive-outcome.ts';
import { writeDeadLetters } from './write.ts';

/** A birth comes in parts, within moments of each other: those do not supersede one another. */
const birthMicros = 60_000_000;

export async function redriveRecord(
  context: ContentContext,
  session: Session,
  letter: Letter,
  record: Decoded,
  rows: ReadonlyMap<string, StreamRow>,
): Promise<Result> {
  if (record.kind === 'state' || record.kind === 'birth') return redriveMessage(context, session, letter, record);
  const identity = record.kind === 'batch' ? record.batch : record.identity;
  const name = identity === null ? null : `batch ${identity.seq} of ${record.gateway}, stream ${identity.stream}`;
  const row = identity === null ? undefined : rows.get(identity.stream);
  if (identity !== null && row !== undefined && row.gateway === record.gateway && isCommitted(row, identity.seq))
    return closed(letter, { kind: 'needless', why: `${name} is stored already, from another copy` });
  if (record.kind === 'reject') return dead(letter, record);
  const { stored, letters } = await storeContent(context, session, [record]);
  const refusal = letters.find(({ positions }) => positions === null);
  if (refusal !== undefined) return dead(letter, refusal);
  await writeDeadLetters(session, letters);
  const left = letters.reduce((sum, { positions }) => sum + countOf(positions ?? []), 0);
  return closed(letter, { kind: 'stored', what: `${name}`, samples: stored, left, why: letters[0] ?? null });
}

type Message = Extract<Decoded, { kind: 'state' | 'birth' }>;

/** What a gateway said of itself counts until it says it anew: an old message must not come over a newer one. */
async function redriveMessage(
  context: ContentContext,
  session: Session,
  letter: Letter,
  record: Message,
): Promise<Result> {
  const what = `the ${record.kind} of ${record.gateway}`;
  const [gateway] = await session.query<{ stateAt: Micros | null; birthAt: Micros | null }>(
    `SELECT (extract(epoch FROM state_at) * 1000000)::int8 AS "stateAt", (extract(epoch FROM birth_at) * 1000000)::int8 AS "birthAt"
     FROM gateway WHERE gateway = $1 FOR UPDATE`,
    [record.gateway],
  );
  const newest = record.kind === 'state' ? gateway?.stateAt : gateway?.birthAt;
  const slack = record.kind === 'state' ? 0 : birthMicros;
  if ((newest ?? 0) > record.origin.receivedAt + slack)
    return closed(letter, { kind: 'needless', why: `a newer ${record.kind} of ${record.gateway} has come since` });
  await storeContent(context, session, [record]);
  return closed(letter, { kind: 'applied', what });
}
