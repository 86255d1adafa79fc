/** Trouble of the database, made on a real one while the processor stores: it waits, and no letter comes of it. */
import { report } from '@fieldline/shared/runtime';
import { requirePostgres, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Gateway, goodSample, type Line, openLine, tagOf } from './line.ts';

describe('the processor', () => {
  let line: Line;
  let gateway: Gateway;
  beforeEach(async () => {
    gateway = new Gateway();
    line = await openLine(await requirePostgres());
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 0)]));
    await line.settled();
  });
  afterEach(() => line.close());

  const trouble = () => report(line.health.ready).troubles.processor ?? '';
  const troubleWith = (text: string) => waitFor(() => trouble().includes(text), { what: `the trouble "${text}"` });
  /** New connections have the settings that the database has by then. */
  const endConnections = () =>
    line.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'fieldline-processor'`,
    );
  async function expectAllStored(rows: number): Promise<void> {
    await line.settled();
    expect(await line.query('SELECT id FROM dead_letter')).toEqual([]);
    expect(await line.query('SELECT count(*)::int AS rows FROM sample')).toEqual([{ rows }]);
    expect(trouble()).toBe('');
  }

  test('waits while the database is read-only, as after a failover, and stores everything once it is not', async () => {
    const name = new URL(line.config.database.url).pathname.slice(1);
    await line.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await endConnections();
    await line.send(...[1, 2, 3].map((n) => gateway.batch([goodSample(tagOf('a'), n)])));
    await troubleWith('25006');
    await line.query(`BEGIN READ WRITE; ALTER DATABASE ${name} RESET default_transaction_read_only; COMMIT`);
    await endConnections();
    await expectAllStored(4);
  });

  test('waits while the disk is full in the middle of the rows, and blames none of them', async () => {
    await line.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.value = 2 THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF; RETURN new; END $$`);
    await line.query('CREATE TRIGGER full_disk BEFORE INSERT ON sample FOR EACH ROW EXECUTE FUNCTION fail()');
    await line.send(gateway.batch([1, 2, 3].map((n) => goodSample(tagOf('a'), n))));
    await troubleWith('53100');
    await line.query('DROP TRIGGER full_disk ON sample');
    await expectAllStored(4);
  });

  test('goes on after its statement was cancelled and its connection ended', async () => {
    const blocked = () =>
      line.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fieldline-processor' AND wait_event_type = 'Lock'`,
      );
    const untilBlocked = () => waitFor(async () => (await blocked()).at(0));
    const holder = new pg.Client({ connectionString: line.config.database.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE fieldline.latest IN EXCLUSIVE MODE');
    await line.send(gateway.batch([1, 2].map((n) => goodSample(tagOf('a'), n))));
    await line.query('SELECT pg_cancel_backend($1)', [(await untilBlocked())?.pid]);
    await troubleWith('57014');
    await line.query('SELECT pg_terminate_backend($1)', [(await untilBlocked())?.pid]);
    await troubleWith('57P01');
    await holder.end();
    await expectAllStored(3);
  });
});
