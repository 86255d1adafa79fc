/**
 * What keeps the tables: roll-ups of the buckets that rows have touched, partitions ahead of time, retention where no policy
 * does it. It runs in every processor, and an advisory lock lets one at a time do it.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { type Clock, type Log, pause } from '@fieldline/shared/runtime';
import type { Session, Store } from '../connection.ts';
import type { Edition } from '../edition.ts';
import { keepColumnstore } from './columnstore.ts';
import { noteKept } from './kept.ts';
import type { MaintenanceMetrics } from './maintenance-metrics.ts';
import { keepPartitions } from './partitions.ts';
import { keepRetention } from './retention.ts';
import { keepRollups, type RollupRound } from './rollups.ts';

export type MaintenanceParts = {
  readonly store: Store;
  readonly config: DatabaseConfig;
  readonly edition: Edition;
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: MaintenanceMetrics;
};

const everyMs = 15_000;
const maintenanceLock = 0x6d61_696e;

export function startMaintenance(parts: MaintenanceParts): { readonly close: () => Promise<void> } {
  const abort = new AbortController();
  const running = run(parts, abort.signal);
  return {
    close: async () => {
      abort.abort();
      await running;
    },
  };
}

async function run(parts: MaintenanceParts, signal: AbortSignal): Promise<void> {
  const { clock, counts, log } = parts;
  for (let pauseMs = 0; await pause(pauseMs, signal); ) {
    const begun = clock.now();
    let isMoreDue = false;
    try {
      const round = await maintain(parts, signal);
      for (const level of round.levels) report(parts, level);
      counts.postponed.inc(round.postponed);
      isMoreDue = round.levels.some((level) => level.isMoreDue);
      counts.succeeded.set(clock.now() / 1e6);
    } catch (error) {
      counts.failures.inc();
      log.warn({ err: error }, 'maintenance of the tables failed: it is tried again');
    }
    // Half of the time at most: what there is to compute must not keep the processor from storing.
    const tookMs = (clock.now() - begun) / 1_000;
    pauseMs = isMoreDue ? tookMs : Math.max(everyMs, tookMs);
  }
}

/** One event, one place: its log line and its counter. */
function report({ counts, log }: MaintenanceParts, { level, computed, expired }: RollupRound): void {
  counts.computed.inc({ level }, computed);
  if (expired === 0) return;
  counts.expired.inc({ level }, expired);
  log.warn(
    { level, buckets: expired },
    'rows came too late for their roll-up: what it is computed from is as old as retention',
  );
}

export type Round = {
  readonly levels: readonly RollupRound[];
  /** Partitions that could not be made or dropped, because others read or wrote for longer than we let them wait. */
  readonly postponed: number;
};

/** One round; nothing if another processor is at it. Leaves off early when the signal is aborted. */
export const maintain = (parts: Omit<MaintenanceParts, 'log' | 'counts'>, signal?: AbortSignal): Promise<Round> =>
  parts.store.withSession(async (session) => {
    const { edition, config, clock } = parts;
    if (!(await lock(session))) return { levels: [], postponed: 0 };
    const nowMs = clock.now() / 1_000;
    await noteKept(session, config, nowMs);
    const postponed = edition === 'plain' ? await keepPartitions(session, config, clock.now()) : 0;
    const levels = await keepRollups(parts, session, signal);
    await keepRetention(session, edition, config, nowMs);
    if (edition === 'timescale' && signal?.aborted !== true) await keepColumnstore(session, config);
    // After an error the connection is given up, and the lock with it.
    await session.query('SELECT pg_advisory_unlock($1)', [maintenanceLock]);
    return { levels, postponed };
  });

async function lock(session: Session): Promise<boolean> {
  const [row] = await session.query<{ ours: boolean }>('SELECT pg_try_advisory_lock($1) AS ours', [maintenanceLock]);
  return row?.ours === true;
}
