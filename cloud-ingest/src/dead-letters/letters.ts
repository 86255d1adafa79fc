/** Dead letters as they stand in the table, for those who look at them and those who redrive them. */
import type { Micros, Ranges } from '@fieldline/shared/contracts';
import { formatMultirange, parseMultirange } from '../ledger/multirange.ts';
import type { Session } from '../store/connection.ts';
import type { DeadLetter } from './dead-letter.ts';
import { storable } from './write.ts';

export type LetterHead = Omit<DeadLetter, 'bytes' | 'headers'> & {
  readonly id: number;
  readonly sizeBytes: number;
  /** Of `positions`: those that are rows by now. */
  readonly redriven: Ranges;
  readonly attempts: number;
  readonly attemptedAt: Micros | null;
  /** When nothing of it was dead any more; null while something is. */
  readonly redrivenAt: Micros | null;
};
export type Letter = LetterHead & Pick<DeadLetter, 'bytes' | 'headers'>;

export const letterStates = ['open', 'redriven', 'all'] as const;
export type LetterState = (typeof letterStates)[number];

/** null where it does not matter. */
export type LetterFilter = {
  readonly gateway: string | null;
  readonly code: string | null;
  readonly stage: string | null;
  /** Received at or after, and before. */
  readonly from: Micros | null;
  readonly to: Micros | null;
  readonly state: LetterState;
};

export type LetterCount = {
  readonly code: string;
  readonly stage: string;
  readonly open: number;
  readonly redriven: number;
  readonly newest: Micros;
};

const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::int8`;
const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

const head = `id, ${micros('received_at')} AS "receivedAt", gateway, stage, code, reason, topic, partition,
  record_offset AS "offset", positions::text, redriven::text, octet_length(bytes) AS "sizeBytes", attempts,
  ${micros('attempted_at')} AS "attemptedAt", ${micros('redriven_at')} AS "redrivenAt"`;

/** The first six parameters are those of `filterValues`. */
const filtered = `($1::text IS NULL OR gateway = $1) AND ($2::text IS NULL OR code = $2) AND ($3::text IS NULL OR stage = $3)
  AND ($4::int8 IS NULL OR received_at >= ${instant('$4')}) AND ($5::int8 IS NULL OR received_at < ${instant('$5')})
  AND ($6::text = 'all' OR (redriven_at IS NULL) = ($6::text = 'open'))`;

const filterValues = ({ gateway, code, stage, from, to, state }: LetterFilter): unknown[] => [
  gateway,
  code,
  stage,
  from,
  to,
  state,
];

type Raw<Row extends LetterHead> = Omit<Row, 'positions' | 'redriven'> & {
  readonly positions: string | null;
  readonly redriven: string;
};

const letterOf = <Row extends LetterHead>({ positions, redriven, ...rest }: Raw<Row>) => ({
  ...rest,
  positions: positions === null ? null : parseMultirange(positions),
  redriven: parseMultirange(redriven),
});

/** The most frequent first: as many entries as there are codes and stages, however many letters. */
export const countLetters = (session: Session, filter: LetterFilter): Promise<LetterCount[]> =>
  session.query<LetterCount>(
    `SELECT code, stage, count(*) FILTER (WHERE redriven_at IS NULL) AS open,
       count(*) FILTER (WHERE redriven_at IS NOT NULL) AS redriven, ${micros('max(received_at)')} AS newest
     FROM dead_letter WHERE ${filtered} GROUP BY code, stage ORDER BY 3 DESC, 4 DESC, 1, 2`,
    filterValues(filter),
  );

/** Newest first, those with an id below `after`. */
export async function listLetters(
  session: Session,
  filter: LetterFilter,
  after: number | null,
  limit: number,
): Promise<LetterHead[]> {
  const rows = await session.query<Raw<LetterHead>>(
    `SELECT ${head} FROM dead_letter WHERE ${filtered} AND ($7::int8 IS NULL OR id < $7) ORDER BY id DESC LIMIT $8`,
    [...filterValues(filter), after, limit],
  );
  return rows.map(letterOf<LetterHead>);
}

/** Oldest first, those with an id above `after` and up to `last`. */
export async function letterIds(
  session: Session,
  filter: LetterFilter,
  { after, last, limit }: { readonly after: number; readonly last: number; readonly limit: number },
): Promise<number[]> {
  const rows = await session.query<{ id: number }>(
    `SELECT id FROM dead_letter WHERE ${filtered} AND id > $7 AND id <= $8 ORDER BY id LIMIT $9`,
    [...filterValues(filter), after, last, limit],
  );
  return rows.map(({ id }) => id);
}

/** 0 where there is none. */
export async function newestLetterId(session: Session): Promise<number> {
  const [row] = await session.query<{ id: number }>('SELECT coalesce(max(id), 0)::int8 AS id FROM dead_letter');
  return row?.id ?? 0;
}

export const readLetter = (session: Session, id: number): Promise<Letter | null> => oneLetter(session, id, '');

/** Until the end of the transaction nobody else redrives it. */
export const lockLetter = (session: Session, id: number): Promise<Letter | null> =>
  oneLetter(session, id, 'FOR UPDATE');

async function oneLetter(session: Session, id: number, lock: '' | 'FOR UPDATE'): Promise<Letter | null> {
  const [row] = await session.query<Raw<Letter>>(
    `SELECT ${head}, bytes, headers FROM dead_letter WHERE id = $1 ${lock}`,
    [id],
  );
  return row === undefined ? null : letterOf<Letter>(row);
}

/** The oldest that the topic does not have yet, by their ids: at most `limit`, and bytes up to `maxBytes` beyond the first. */
export async function unmirroredLetters(session: Session, limit: number, maxBytes: number): Promise<Letter[]> {
  const rows = await session.query<Raw<Letter>>(
    `SELECT ${head}, bytes, headers FROM dead_letter WHERE id IN (
       SELECT id FROM (SELECT id, octet_length(bytes) AS own, sum(octet_length(bytes)) OVER (ORDER BY id) AS total
         FROM (SELECT id, bytes FROM dead_letter WHERE mirrored_at IS NULL ORDER BY id LIMIT $1) AS oldest) AS sized
       WHERE total <= $2 OR total = own) ORDER BY id`,
    [limit, maxBytes],
  );
  return rows.map(letterOf<Letter>);
}

export async function markMirrored(session: Session, ids: readonly number[]): Promise<void> {
  await session.query('UPDATE dead_letter SET mirrored_at = now() WHERE id = ANY($1::int8[])', [ids]);
}

/** What an attempt came to: `trouble` is why something of the letter is dead still, null where nothing is. */
export type Attempt = {
  readonly redriven: Ranges;
  readonly trouble: Pick<DeadLetter, 'stage' | 'code' | 'reason'> | null;
  /** Something of the letter is dead still. */
  readonly isOpen: boolean;
};

/** The newest reason replaces the one before. */
export async function saveAttempt(session: Session, id: number, { redriven, trouble, isOpen }: Attempt): Promise<void> {
  await session.query(
    `UPDATE dead_letter SET attempts = attempts + 1, attempted_at = now(), redriven = $2,
       redriven_at = CASE WHEN $3 THEN NULL ELSE now() END,
       stage = coalesce($4, stage), code = coalesce($5, code), reason = coalesce($6, reason)
     WHERE id = $1`,
    [
      id,
      formatMultirange(redriven),
      isOpen,
      trouble?.stage ?? null,
      trouble?.code ?? null,
      trouble === null ? null : storable(trouble.reason),
    ],
  );
}
