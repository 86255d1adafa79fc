/** What a real server says when it cannot at the moment: none of it may ever be taken for the fault of a row. */
import { errorCodes, isFieldlineError } from '@fieldline/shared/contracts';
import { type OwnPostgres, startPostgres, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type Session, type Store } from '../../src/store/connection.ts';
import { sqlStateOf } from '../../src/store/trouble.ts';
import { configFor } from '../processor/line.ts';

describe('a PostgreSQL server that cannot', () => {
  let server: OwnPostgres;
  let store: Store;
  let admin: pg.Client;
  beforeAll(async () => {
    server = await startPostgres();
    admin = new pg.Client({ connectionString: server.url });
    admin.on('error', () => {});
    await admin.connect();
    await admin.query('CREATE TABLE held (id int PRIMARY KEY, text text)');
    await admin.query('INSERT INTO held VALUES (1), (2)');
    store = openStore(configFor(server.url, '/nowhere').database, 'test', 3);
  });
  afterAll(async () => {
    await store.close();
    await admin.end().catch(() => {});
    await server.close();
  });

  /** SQLSTATE and code of what `work` throws. */
  async function troubleOf(work: (session: Session) => Promise<unknown>, by = store): Promise<[string, string]> {
    const error: unknown = await by.inTransaction(work).then(
      () => new Error('it went well'),
      (thrown: unknown) => thrown,
    );
    if (!isFieldlineError(error)) throw error;
    expect(errorCodes[error.code].retryable).toBe(true);
    return [sqlStateOf(error) ?? 'none', error.code];
  }

  test('get a lock in time', async () => {
    await admin.query('BEGIN');
    await admin.query('LOCK TABLE held IN ACCESS EXCLUSIVE MODE');
    const trouble = await troubleOf(async (session) => {
      await session.query('SET LOCAL lock_timeout = 20');
      await session.query('SELECT * FROM held');
    });
    await admin.query('ROLLBACK');
    expect(trouble).toEqual(['55P03', 'database/busy']);
  });

  test('let both of two go on that wait for each other', async () => {
    const other = openStore(configFor(server.url, '/nowhere').database, 'other', 1);
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const lockBoth = (mine: number, theirs: number) => async (session: Session) => {
      await session.query(`SET LOCAL deadlock_timeout = ${mine === 0 ? 20 : 10_000}`);
      await session.query('UPDATE held SET text = $2 WHERE id = $1', [mine + 1, 'x']);
      both[mine]?.resolve();
      await both[theirs]?.promise;
      await session.query('UPDATE held SET text = $2 WHERE id = $1', [theirs + 1, 'x']);
    };
    const [trouble] = await Promise.all([troubleOf(lockBoth(0, 1)), other.inTransaction(lockBoth(1, 0))]);
    await other.close();
    expect(trouble).toEqual(['40P01', 'database/busy']);
  });

  test('take part in a read-only time, as after a failover', async () => {
    const trouble = await troubleOf(async (session) => {
      await session.query('SET TRANSACTION READ ONLY');
      await session.query('DELETE FROM held');
    });
    expect(trouble).toEqual(['25006', 'database/busy']);
  });

  test('take more connections', async () => {
    await admin.query('CREATE ROLE guest LOGIN CONNECTION LIMIT 0');
    const url = new URL(server.url);
    url.username = 'guest';
    const guest = openStore(configFor(url.href, '/nowhere').database, 'guest', 1);
    await admin.query(`ALTER ROLE guest PASSWORD '${decodeURIComponent(url.password)}'`);
    const trouble = await troubleOf((session) => session.query('SELECT 1'), guest);
    await guest.close();
    expect(trouble).toEqual(['53300', 'database/busy']);
  });

  test('find room on its disk', async () => {
    const trouble = await troubleOf((session) =>
      session.query(`COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000)) TO '/dev/full'`),
    );
    expect(trouble).toEqual(['53100', 'database/busy']);
  });

  test('find room for what it sorts', async () => {
    const trouble = await troubleOf(async (session) => {
      await session.query(`SET LOCAL temp_file_limit = '64kB'`);
      await session.query(`SET LOCAL work_mem = '64kB'`);
      await session.query('SELECT n FROM generate_series(1, 100000) AS n ORDER BY n DESC');
    });
    expect(trouble).toEqual(['53400', 'database/busy']);
  });

  test('serialise what others do beside', async () => {
    const trouble = await troubleOf(async (session) => {
      await session.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await session.query('SELECT * FROM held');
      await admin.query(`UPDATE held SET text = 'y'`);
      await session.query(`UPDATE held SET text = 'z'`);
    });
    expect(trouble).toEqual(['40001', 'database/busy']);
  });

  test('finish a statement that is cancelled, or wait for one that stands idle', async () => {
    const cancelled = troubleOf((session) => session.query('SELECT pg_sleep(20) /* cancel */'));
    await eachSleeping('cancel', 'pg_cancel_backend');
    expect(await cancelled).toEqual(['57014', 'database/busy']);
    const idle = await troubleOf(async (session) => {
      await session.query('SET idle_in_transaction_session_timeout = 10');
      await waitFor(async () => {
        const { rows } = await admin.query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'test' AND state <> 'idle'`,
        );
        return rows.length === 0;
      });
      await session.query('SELECT 1');
    });
    expect(idle[1]).toMatch(/^database\/(busy|unreachable)$/);
  });

  test('find memory for its locks', async () => {
    const trouble = await troubleOf((session) =>
      session.query('SELECT pg_advisory_xact_lock(n) FROM generate_series(1, 1000000) AS n'),
    );
    expect(trouble).toEqual(['53200', 'database/busy']);
    await waitFor(
      async () => (await admin.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' LIMIT 1`)).rows.length === 0,
    );
  });

  test('keep a connection that an administrator ends, or go on while it stops', async () => {
    const terminated = troubleOf((session) => session.query('SELECT pg_sleep(20) /* terminate */'));
    await eachSleeping('terminate', 'pg_terminate_backend');
    expect(await terminated).toEqual(['57P01', 'database/unreachable']);
    const stopped = troubleOf((session) => session.query('SELECT pg_sleep(20) /* stop */'));
    await eachSleeping('stop', 'pg_backend_pid');
    await server.stop();
    expect(await stopped).toEqual(['57P01', 'database/unreachable']);
    expect(await troubleOf((session) => session.query('SELECT 1'))).toEqual(['none', 'database/unreachable']);
  });

  /** Waits until the statement runs, then does to its connection what is named. */
  async function eachSleeping(mark: string, action: string): Promise<void> {
    const sleeping = `FROM pg_stat_activity WHERE query LIKE '%/* ${mark} */%' AND pid <> pg_backend_pid()`;
    await waitFor(async () => (await admin.query(`SELECT ${sleeping}`)).rows.length > 0);
    await admin.query(action === 'pg_backend_pid' ? 'SELECT 1' : `SELECT ${action}(pid) ${sleeping}`);
  }
});
