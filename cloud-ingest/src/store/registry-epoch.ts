/**
 * Each change of the registry is an epoch. Who writes rows holds the epoch, shared with others, until his transaction ends;
 * who changes what rows are made by waits for those and goes alone. So no row is ever committed that was made by what held
 * before the last change, and the change knows that none will be.
 *
 * An advisory lock, because its queue is fair: those who share a lock on a row can keep out for ever who wants it alone.
 */
import type { Session } from './connection.ts';

const registryLock = 0x7265_6769;

/** The present epoch, which stays so until the transaction ends. */
export async function holdEpoch(session: Session): Promise<number> {
  await session.query('SELECT pg_advisory_xact_lock_shared($1)', [registryLock]);
  // A statement of its own: one that had to wait would still see what was there before.
  return readEpoch(session);
}

export async function readEpoch(session: Session): Promise<number> {
  const [row] = await session.query<{ epoch: number }>('SELECT epoch FROM registry');
  return row?.epoch ?? 0;
}

/** Waits for all who hold an epoch, and keeps out all who want to, until the transaction ends. */
export async function lockRegistry(session: Session): Promise<void> {
  await session.query('SELECT pg_advisory_xact_lock($1)', [registryLock]);
}

/** A new epoch. */
export async function beginEpoch(session: Session): Promise<number> {
  await lockRegistry(session);
  const [row] = await session.query<{ epoch: number }>('UPDATE registry SET epoch = epoch + 1 RETURNING epoch');
  if (row === undefined) throw new Error('the table registry is empty');
  return row.epoch;
}
