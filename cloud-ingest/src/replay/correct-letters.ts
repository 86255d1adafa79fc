/** Dead letters of samples whose batch was written again: some are rows now, others no longer are. */
import { type Ranges, subtractRanges, unionRanges } from '@fieldline/shared/contracts';
import type { DeadLetter } from '../dead-letters/dead-letter.ts';
import { writeDeadLetters } from '../dead-letters/write.ts';
import type { Origin } from '../decode/decoder.ts';
import { formatMultirange, parseMultirange } from '../ledger/multirange.ts';
import type { Session } from '../store/connection.ts';

type Letter = {
  readonly id: number;
  readonly partition: number;
  readonly offset: number;
  readonly code: string;
  readonly positions: string;
  readonly redriven: string;
};

const none: Ranges = [];
const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

/** `dead`: letters for the samples that are not rows now, at most one of each record and code. */
export async function correctLetters(
  session: Session,
  records: readonly Origin[],
  dead: readonly DeadLetter[],
): Promise<void> {
  const present = await lettersOf(session, records);
  if (present.length === 0 && dead.length === 0) return;
  const key = (of: {
    readonly partition: number | null;
    readonly offset: number | null;
    readonly code: string;
  }): string => `${of.partition}:${of.offset}:${of.code}`;
  const deadNow = new Map(dead.map((letter) => [key(letter), letter.positions ?? none]));
  const known = new Map<string, Ranges>();
  const revived: { readonly id: number; readonly redriven: Ranges; readonly done: boolean }[] = [];
  for (const letter of present) {
    const positions = parseMultirange(letter.positions);
    const before = parseMultirange(letter.redriven);
    const stillDead = subtractRanges(positions, before);
    const rows = subtractRanges(stillDead, deadNow.get(key(letter)) ?? none);
    known.set(key(letter), unionRanges(known.get(key(letter)) ?? none, stillDead));
    if (rows.length > 0)
      revived.push({
        id: letter.id,
        redriven: unionRanges(before, rows),
        done: subtractRanges(stillDead, rows).length === 0,
      });
  }
  await markRevived(session, revived);
  const fresh = dead.map((letter) => ({
    ...letter,
    positions: subtractRanges(letter.positions ?? none, known.get(key(letter)) ?? none),
  }));
  await writeDeadLetters(
    session,
    fresh.filter(({ positions }) => positions.length > 0),
  );
}

const lettersOf = (session: Session, records: readonly Origin[]): Promise<Letter[]> => {
  const received = records.map(({ receivedAt }) => receivedAt);
  return session.query<Letter>(
    `SELECT id, partition, record_offset AS "offset", code, positions::text, redriven::text FROM dead_letter
     WHERE received_at BETWEEN ${instant('$1')} AND ${instant('$2')} AND positions IS NOT NULL AND topic = $3
       AND (partition, record_offset) IN (SELECT * FROM unnest($4::int4[], $5::int8[]))`,
    [
      Math.min(...received),
      Math.max(...received),
      records[0]?.topic,
      records.map(({ partition }) => partition),
      records.map(({ offset }) => offset),
    ],
  );
};

async function markRevived(
  session: Session,
  letters: readonly { readonly id: number; readonly redriven: Ranges; readonly done: boolean }[],
): Promise<void> {
  if (letters.length === 0) return;
  await session.query(
    `UPDATE dead_letter SET redriven = new.redriven, redriven_at = CASE WHEN new.done THEN now() END
     FROM unnest($1::int8[], $2::int8multirange[], $3::bool[]) AS new (id, redriven, done) WHERE dead_letter.id = new.id`,
    [
      letters.map(({ id }) => id),
      letters.map(({ redriven }) => formatMultirange(redriven)),
      letters.map(({ done }) => done),
    ],
  );
}
