import type { Session } from './connection.ts';
import type { Rows } from './rows.ts';

const minuteMicros = 60_000_000;

/** Tells the roll-ups which minutes have rows that are not in them; in the transaction of the rows. */
export async function touchRollups(session: Session, rows: Rows): Promise<void> {
  const minutes = new Set<number>();
  let last = Number.NaN;
  for (let row = 0; row < rows.count; row++) {
    const minute = Math.floor((rows.time[row] as number) / minuteMicros);
    if (minute !== last) minutes.add(minute);
    last = minute;
  }
  if (minutes.size === 0) return;
  await session.query(
    `INSERT INTO touched_1m (bucket) SELECT TIMESTAMPTZ 'epoch' + minute * INTERVAL '1 minute' FROM unnest($1::int8[]) AS minute`,
    [[...minutes]],
  );
}
