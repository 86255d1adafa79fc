/**
 * What TimescaleDB's policies do where there are none: partitions ahead of time, roll-ups, retention. It runs in every
 * processor, and an advisory lock lets one at a time do it.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { type Clock, type Log, pause } from '@fieldline/shared/runtime';
import type { Session, Store } from '../connection.ts';
import { type Edition, needsMaintenance } from '../edition.ts';
import { keepPartitions } from './partitions.ts';
import { dropOldChunks, dropOldRollups } from './retention.ts';
import { keepRollups } from './rollups.ts';

export type MaintenanceParts = {
  readonly store: Store;
  readonly config: DatabaseConfig;
  readonly edition: Edition;
  readonly clock: Clock;
  readonly log: Log;
};

const everyMs = 15_000;
const maintenanceLock = 0x6d61_696e;

export function startMaintenance(parts: MaintenanceParts): { readonly close: () => Promise<void> } {
  const abort = new AbortController();
  const running = needsMaintenance(parts.edition) ? run(parts, abort.signal) : Promise.resolve();
  return {
    close: async () => {
      abort.abort();
      await running;
    },
  };
}

async function run(parts: MaintenanceParts, signal: AbortSignal): Promise<void> {
  do {
    try {
      await maintain(parts);
    } catch (error) {
      parts.log.warn({ err: error }, 'maintenance of the tables failed: it is tried again');
    }
  } while (await pause(everyMs, signal));
}

/** One round; nothing if another processor is at it. */
export const maintain = ({ store, config, edition, clock }: Omit<MaintenanceParts, 'log'>): Promise<void> =>
  store.withSession(async (session) => {
    if (!(await lock(session))) return;
    const now = clock.now();
    if (edition === 'plain') await keepPartitions(session, config, now);
    else await dropOldChunks(session, config);
    await keepRollups(session);
    await dropOldRollups(session, config);
    // After an error the connection is given up, and the lock with it.
    await session.query('SELECT pg_advisory_unlock($1)', [maintenanceLock]);
  });

async function lock(session: Session): Promise<boolean> {
  const [row] = await session.query<{ ours: boolean }>('SELECT pg_try_advisory_lock($1) AS ours', [maintenanceLock]);
  return row?.ours === true;
}
