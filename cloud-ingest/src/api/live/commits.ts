/** Hears of each commit of the processors (NOTIFY fieldline_commit) over a connection of its own. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import pg from 'pg';
import { classify, connectionOptions } from '../database.ts';

const channel = 'fieldline_commit';

export type Commits = {
  /** Connects where it is not connected. @throws FieldlineError database/unreachable, database/refused */
  readonly ensure: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** `onCommit` is also called when the connection is lost: what happened meanwhile is not known. */
export function openCommits(config: DatabaseConfig, onCommit: () => void): Commits {
  let client: pg.Client | null = null;
  const forget = (gone: pg.Client): void => {
    if (client !== gone) return;
    client = null;
    onCommit();
  };
  return {
    ensure: async () => {
      if (client !== null) return;
      const fresh = new pg.Client({ ...connectionOptions(config), keepAlive: true });
      fresh.on('error', () => forget(fresh));
      fresh.on('end', () => forget(fresh));
      fresh.on('notification', onCommit);
      try {
        await fresh.connect();
        await fresh.query(`listen ${channel}`);
      } catch (error) {
        await fresh.end().catch(() => undefined);
        throw classify(error);
      }
      client = fresh;
    },
    close: async () => {
      const open = client;
      client = null;
      await open?.end();
    },
  };
}
