/** The verdict over a line that has settled: every value served is in one row, and no row is without a value served. */
import type { Value } from '@fieldline/shared/contracts';
import type { Served } from '@fieldline/simulators';
import { auditLedger, type Comparison, compare, type LedgerAudit, readRows } from './evidence.ts';
import { everyMs, opcuaDevice } from './plant.ts';

/** A reading that was asked for when a program ended may have been answered to nobody. */
const lastReadingMs = 2_500;

/**
 * A sample has the middle of its round trip. The agent gives up after 2 s (timeoutMs in plant.ts); while it starts, and loads
 * the OPC UA library on a busy machine, its round trips can look longer.
 */
const halfRoundTripMs = 1_700;

export type Case = { readonly served: readonly Served[]; readonly databaseUrl: string; readonly gateway: string };

export type Allowance = {
  /** Times of SIGKILL of the agent, ms: what was served within `beforeKillMs` before one, and until the device was read again, may be lost. */
  readonly kills?: readonly number[];
  readonly beforeKillMs?: number;
};

export type Verdict = Comparison & LedgerAudit & { readonly served: number };

/** From the first reading of each device until the agent was stopped. */
export async function judge(
  { served: all, databaseUrl, gateway }: Case,
  { kills = [], beforeKillMs = 1_000 }: Allowance = {},
): Promise<Verdict> {
  const rows = await readRows(databaseUrl, gateway);
  const end = Math.max(...rows.map((row) => row.time));
  const readings = Map.groupBy(
    rows.filter((row) => row.value !== null),
    (row) => row.device,
  );
  const firstAfter = (device: string, time: number): number =>
    Math.min(...(readings.get(device) ?? []).map((row) => row.time).filter((at) => at > time));
  const served = all.filter(
    ({ device, time }) =>
      time <= end + halfRoundTripMs * 1_000 && time >= firstAfter(device, 0) - lastReadingMs * 1_000,
  );
  const found = compare(served, rows, halfRoundTripMs);
  const untold = unchanged(all);
  const missing = found.missing.filter(({ device, point, time }) => {
    const beforeFirst = time < firstAfter(device, 0);
    const beforeEnd = end - time < lastReadingMs * 1_000;
    const roundKill = kills.some(
      (kill) => time > (kill - beforeKillMs) * 1_000 && time < firstAfter(device, kill * 1_000) + everyMs * 1_000,
    );
    return !beforeFirst && !beforeEnd && !roundKill && !untold.has(`${device}/${point}/${time}`);
  });
  return { ...found, missing, served: served.length, ...(await auditLedger(databaseUrl, gateway)) };
}

/**
 * An OPC UA server tells of a value when it changes (trigger StatusValue, OPC 10000-4, 7.22.2), or when a client is new: one
 * that was set again as it was need not be in a row.
 */
function unchanged(served: readonly Served[]): Set<string> {
  const last = new Map<string, Value>();
  const names = new Set<string>();
  for (const { device, point, time, value } of served) {
    if (device !== opcuaDevice) continue;
    if (last.get(point) === value) names.add(`${device}/${point}/${time}`);
    last.set(point, value);
  }
  return names;
}
