/** A line whose processor has made dead letters, and what the tests of redriving ask of it. */
import { batchVersion, isFieldlineError } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { readBalance } from '../../src/balance/balance.ts';
import { run } from '../../src/commands/dead-letters.ts';
import { openStore } from '../../src/store/connection.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema } from '../../src/store/migrate.ts';
import { Gateway, insist, type Line, openLine, type Sent, type Server } from '../processor/line.ts';

export const hour = 3_600_000_000;
const dayMs = 24 * 3_600_000;

export type Bench = ReturnType<typeof benchOf>;

/** A suite for each of the servers, over one line; each test has a gateway of its own. */
export function describeRedrives(
  title: string,
  on: readonly Server[],
  tests: (bench: Bench, server: Server['name']) => void,
): void {
  for (const { name, requirement, open } of on) {
    describeWith(requirement, `${title} ${name}`, () => {
      let line: Line | undefined;
      let gateway = new Gateway();
      const lineNow = (): Line => {
        if (line === undefined) throw new Error('the line is there while a test runs');
        return line;
      };
      beforeAll(async () => {
        line = await openLine(await open());
        await line.start();
      });
      afterAll(() => line?.close());
      beforeEach(() => {
        gateway = new Gateway();
      });
      const bench = benchOf(lineNow, () => gateway);
      afterEach(async () => {
        for (const table of ['sample', 'batch_log'])
          await bench.alter(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS fits`);
        await lineNow().query('DELETE FROM dead_letter');
      });
      tests(bench, name);
    });
  }
}

function benchOf(lineNow: () => Line, gatewayNow: () => Gateway) {
  /** Whether the last command ended with exit code 1 because not all was redriven. */
  let isIncomplete = false;
  /** What the command prints. Its settings accept what lies up to a year ahead; those of the processor an hour. */
  async function command(...args: string[]): Promise<string[]> {
    const lines: string[] = [];
    isIncomplete = false;
    await run({
      config: { ...lineNow().config, processor: { ...lineNow().config.processor, acceptFutureMs: 366 * dayMs } },
      args,
      callOf: String,
      clock: systemClock,
      log: silentLog,
      signal: new AbortController().signal,
      say: (text) => lines.push(text),
    }).catch((error: unknown) => {
      if (!isFieldlineError(error, 'redrive/incomplete')) throw error;
      isIncomplete = true;
    });
    return lines;
  }
  const redrive = (...args: string[]) => command('redrive', ...args);

  async function store(...records: readonly Sent[]): Promise<void> {
    await lineNow().send(...records);
    await lineNow().settled();
  }

  const ids = async (): Promise<string[]> =>
    (await lineNow().query<{ id: bigint }>('SELECT id FROM dead_letter ORDER BY id')).map(({ id }) => String(id));
  const letters = () =>
    lineNow().query(
      'SELECT gateway, code, stage, attempts, positions::text, redriven::text, redriven_at IS NULL AS open FROM dead_letter ORDER BY id',
    );
  /** Of the gateway, in the order of their values. */
  const rows = () =>
    lineNow().query<{ tag: string; value: number; seq: number }>(
      `SELECT tag, value, (batch & 4294967295)::int AS seq FROM reading WHERE gateway = $1 ORDER BY value`,
      [gatewayNow().gateway],
    );
  const values = async () => (await rows()).map(({ value }) => value);
  const ledger = async () => {
    const found = await lineNow().query(
      'SELECT committed::text, dead::text, samples, stored, rejected, duplicate_batches FROM stream WHERE stream = $1',
      [gatewayNow().stream],
    );
    return found[0];
  };
  const logged = (seq: number) =>
    lineNow().query(
      `SELECT batch_log.topic, batch_log.samples, batch_log.stored, batch_log.rejected FROM batch_log JOIN stream ON stream_no = batch >> 32
       WHERE stream = $1 AND (batch & 4294967295) = $2`,
      [gatewayNow().stream, seq],
    );
  const balance = async () => {
    const reader = openStore(lineNow().config.database, 'test');
    const balances = await reader.withSession(readBalance);
    await reader.close();
    return balances.find((each) => each.gateway === gatewayNow().gateway);
  };

  const keepTables = async (): Promise<void> => {
    const keeper = openStore(lineNow().config.database, 'test');
    const edition = await keeper.withSession((session) => editionOfSchema(session, lineNow().config.database.schema));
    await maintain({ store: keeper, config: lineNow().config.database, edition, clock: systemClock });
    await keeper.close();
  };

  const upgrade = () =>
    lineNow().query(
      `UPDATE dead_letter SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"v":${batchVersion + 1}', '"v":${batchVersion}'), 'UTF8')`,
    );
  return {
    get line() {
      return lineNow();
    },
    get gateway() {
      return gatewayNow();
    },
    get isIncomplete() {
      return isIncomplete;
    },
    /** A statement that takes locks beside the processor. */
    alter: (sql: string) => insist(lineNow().query, sql),
    redrive,
    store,
    ids,
    letters,
    rows,
    values,
    ledger,
    logged,
    balance,
    keepTables,
    upgrade,
  };
}

/** A batch that only a newer reader understands, until `upgrade` makes it one of today. */
export const ofTomorrow = (sent: Sent): Sent => ({
  ...sent,
  bytes: Buffer.from(JSON.stringify({ ...JSON.parse(sent.bytes.toString()), v: batchVersion + 1 })),
});
