/**
 * Computes the touched buckets that are over, level by level: on every edition the same buckets, for the same reason, only
 * by other means. A bucket that is still filling stays touched: the views compute it when asked, instead of us every few
 * seconds.
 *
 * TimescaleDB has a log of its own, but it knows one range per transaction (and chunk, lately): a transaction with the rows
 * of now and some of this morning would have the whole day computed again, each time. The windows that we refresh are those
 * that have rows.
 */
import type { Session } from '../connection.ts';
import { rollupTable } from '../migrations/own-rollups.ts';
import { type RollupLevel, rollupColumns, rollupLevels } from '../migrations/rollup-levels.ts';
import { computed, touchedSpans } from '../migrations/rollup-views.ts';
import { sqlStateOf } from '../trouble.ts';
import type { MaintenanceParts } from './maintenance.ts';
import { type Span, spansOf } from './spans.ts';
import { giveUpExpired, takeDue, touchAbove } from './touched.ts';

/** Transactions per level and round, so that one level with a long way to go does not keep the others waiting. */
const maxTransactions = 40;
/** A refresh has transactions of its own; meanwhile ours waits for it, longer than a transaction may idle otherwise. */
const maxRefreshMs = 30 * 60_000;
/** SQLSTATE of a refresh that met another one. */
const lockNotAvailable = '55P03';

export type RollupRound = {
  readonly level: string;
  readonly computed: number;
  /** Too old: the rows they would be computed from are being removed. */
  readonly expired: number;
  /** Whether the bound was reached before the work was done. */
  readonly isMoreDue: boolean;
};

type Parts = Pick<MaintenanceParts, 'store' | 'edition' | 'clock'>;

export async function keepRollups(parts: Parts, session: Session, signal?: AbortSignal): Promise<RollupRound[]> {
  const rounds: RollupRound[] = [];
  for (const level of rollupLevels) rounds.push(await keepLevel(parts, session, level, signal));
  return rounds;
}

async function keepLevel(
  parts: Parts,
  session: Session,
  level: RollupLevel,
  signal?: AbortSignal,
): Promise<RollupRound> {
  const nowMs = parts.clock.now() / 1_000;
  const expired = await giveUpExpired(session, level);
  let computed = 0;
  for (let n = 0; n < maxTransactions && signal?.aborted !== true; n++) {
    const buckets = await computeSome(parts, session, level, nowMs);
    if (buckets === 0) return { level: level.name, computed, expired, isMoreDue: false };
    computed += buckets;
  }
  return { level: level.name, computed, expired, isMoreDue: true };
}

/** How many buckets; 0 when there was nothing to do. */
async function computeSome(parts: Parts, session: Session, level: RollupLevel, nowMs: number): Promise<number> {
  await session.query('BEGIN');
  const buckets = await takeDue(session, level, nowMs);
  const spans = spansOf(buckets, level.ms);
  if (buckets.length > 0) {
    if (parts.edition !== 'timescale') await computeOwn(session, level, buckets);
    else if (!(await refresh(parts, session, level, spans))) {
      await session.query('ROLLBACK');
      return 0;
    }
  }
  for (const span of spans) await touchAbove(session, level, span);
  await session.query('COMMIT');
  return buckets.length;
}

async function computeOwn(session: Session, level: RollupLevel, buckets: readonly number[]): Promise<void> {
  const table = rollupTable(level);
  const below = rollupLevels.find(({ name }) => name === level.of);
  const [source, time] = below === undefined ? ['sample', 'time'] : [rollupTable(below), 'bucket'];
  const inSpan = `LATERAL (SELECT * FROM ${source} WHERE ${time} >= span.from_time AND ${time} < span.to_time)`;
  const values = [buckets.map((ms) => new Date(ms))];
  await session.query(`DELETE FROM ${table} WHERE bucket = ANY($1::timestamptz[])`, values);
  await session.query(
    `WITH touched AS MATERIALIZED (SELECT unnest($1::timestamptz[]) AS bucket)
     INSERT INTO ${table} (${rollupColumns}) ${computed(level, touchedSpans(level, 'touched'), 'span', inSpan)}`,
    values,
  );
}

/**
 * On a connection of its own, since a refresh runs in no transaction but its own. The buckets are out of the log for good
 * only when ours commits after it: whatever ends in between, they are refreshed again. False where another refresh, such as
 * the nightly one, is at the same window: they wait for the next round.
 */
async function refresh(
  { store }: Parts,
  holding: Session,
  level: RollupLevel,
  spans: readonly Span[],
): Promise<boolean> {
  await holding.query(`SET LOCAL idle_in_transaction_session_timeout = ${maxRefreshMs}`);
  try {
    await store.withSession(async (session) => {
      for (const { from, to } of spans) {
        await session.query(
          `CALL refresh_continuous_aggregate('${rollupTable(level)}', TIMESTAMPTZ '${from.toISOString()}', TIMESTAMPTZ '${to.toISOString()}')`,
        );
      }
    });
    return true;
  } catch (error) {
    if (sqlStateOf(error) === lockNotAvailable) return false;
    throw error;
  }
}
