import type { StateMessage } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/connection.ts';
import { addGateways, saveState } from '../../src/store/gateways.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, queryOf } from '../processor/line.ts';

const second = 1_000_000;
const said = {
  v: 1,
  agent: '1.0.0',
  configFingerprint: '',
  reason: 'running',
  confirm: 'cloud',
  clock: 'synchronised',
} as const;
const noon = Date.UTC(2026, 0, 1, 12) * 1_000;

describe('states of a gateway', () => {
  let database: TestDatabase;
  let store: Store;
  let query: ReturnType<typeof queryOf>;
  beforeAll(async () => {
    database = await (await requirePostgres()).createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    await migrate(config, silentLog);
    store = openStore(config, 'test');
    query = queryOf(database.url);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  /** What is said of the gateway when these states came one after the other. */
  async function onlineAfter(gateway: string, states: readonly { online: boolean; at: number }[]): Promise<unknown> {
    await store.withSession((session) => addGateways(session, [gateway]));
    for (const { online, at } of states) {
      const state: StateMessage = { ...said, gateway, at, online, streams: [] };
      await store.withSession((session) => saveState(session, { state, receivedAt: at }));
    }
    return (await query<{ online: boolean }>(`SELECT online FROM gateway WHERE gateway = '${gateway}'`))[0]?.online;
  }

  test('the one that was received last counts, though one from before comes after it', async () => {
    const states = [
      { online: true, at: noon },
      { online: false, at: noon + 2 * second },
      { online: true, at: noon + second },
    ];
    expect(await onlineAfter('overtaken', states)).toBe(false);
  });

  test('a bridge whose clock was far ahead does not hold the state for as long', async () => {
    const states = [
      { online: true, at: noon + 3_600 * second },
      { online: false, at: noon },
    ];
    expect(await onlineAfter('clock-ahead', states)).toBe(false);
  });
});
