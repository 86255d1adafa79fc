/**
 * From when on rows, minutes and hours are whole: nothing of them has been removed by retention. Only there may summaries be
 * computed from them; before, that would empty what was computed when they were whole. The settings do not tell: after a
 * longer retention was set, what the shorter one removed stays removed. So each source has a time in `kept` that only grows.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from '../connection.ts';
import type { RollupLevel } from '../migrations/rollup-levels.ts';

/** What a level is computed from, as `kept` names it. */
export const sourceOf = ({ of }: RollupLevel): string => of?.replace('sample', 'rollup') ?? 'sample';

const grow = 'ON CONFLICT (source) DO UPDATE SET from_time = greatest(kept.from_time, excluded.from_time)';

/** Before anything is removed or computed. */
export async function noteKept(session: Session, config: DatabaseConfig, nowMs: number): Promise<void> {
  const { retainRawMs, retainMinutesMs, retainHoursMs } = config;
  await session.query(
    `INSERT INTO kept (source, from_time) SELECT source, to_timestamp(ms / 1000.0)
     FROM unnest($1::text[], $2::float8[]) AS now (source, ms) ${grow}`,
    [
      ['sample', 'rollup_1m', 'rollup_1h'],
      [retainRawMs, retainMinutesMs, retainHoursMs].map((retainMs) => nowMs - retainMs),
    ],
  );
}

/** What the policies of TimescaleDB may have removed, with or without us: before they are changed. */
export const noteKeptByPolicies = `INSERT INTO kept (source, from_time)
  SELECT hypertable_name, now() - (config ->> 'drop_after')::interval FROM timescaledb_information.jobs
  WHERE proc_name = 'policy_retention' AND hypertable_schema = current_schema()
    AND hypertable_name IN ('sample', 'rollup_1m', 'rollup_1h')
  ${grow}`;
