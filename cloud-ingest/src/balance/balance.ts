/**
 * The message balance from durable counts (design, contract 12). In samples, per gateway:
 *
 *   read = filtered + stored + rejected + declared + open
 *   received = stored + rejected + duplicate
 *
 * `open` is what was read and is in batches that have not been received: on their way, missing, or dead letters as a whole.
 * A loss that nobody could count is in none of these: it is told beside them, as `uncountedLosses`.
 * `read` and `filtered` are cumulative in each batch, so a batch that never came is still counted by any that came after it.
 */
import { countOf, intersectRanges, subtractRanges } from '@fieldline/shared/contracts';
import { streamColumns, streamRowOf } from '../ledger/ledger-store.ts';
import { missingOf, type StreamRow } from '../ledger/stream-row.ts';
import type { Session } from '../store/connection.ts';
import { isUncountedLoss } from './uncounted-losses.ts';

export type GatewayBalance = {
  readonly gateway: string;
  readonly read: number;
  readonly filtered: number;
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  /** Samples of batches received that are dead letters. */
  readonly rejected: number;
  /** Samples in batches that the gateway declared lost, and those that it took out of others before it sent them. */
  readonly declared: number;
  readonly open: number;
  /** Batches that are dead letters as a whole; how many samples they had, nobody can tell. */
  readonly deadBatches: number;
  readonly duplicateBatches: number;
  /** Batches known to exist and not here, and how many of those the gateway still holds. */
  readonly missingBatches: number;
  readonly heldBatches: number;
  /** The gateway was lost: how many batches it made after the last one known, nobody can tell. */
  readonly tailUnknown: boolean;
  /** Share of what passed the filter that is stored, 0–1; 1 where nothing was read. Knows nothing of `uncountedLosses`. */
  readonly completeness: number;
  /** Losses that were declared without a number of samples. */
  readonly uncountedLosses: number;
  /** Everything that was counted as read is stored, filtered, or lost with a known reason. */
  readonly closed: boolean;
};

type GatewayRow = {
  readonly gateway: string;
  readonly online: boolean;
  readonly reason: string | null;
  readonly uncountedLosses: number;
};

export async function readBalance(session: Pick<Session, 'query'>): Promise<GatewayBalance[]> {
  const gateways = await session.query<GatewayRow>(
    `SELECT gateway, online, state ->> 'reason' AS reason, coalesce(uncounted.losses, 0) AS "uncountedLosses"
     FROM gateway LEFT JOIN (
       SELECT stream.gateway, count(*) AS losses FROM declaration d JOIN stream USING (stream_no)
       WHERE ${isUncountedLoss} GROUP BY stream.gateway
     ) uncounted USING (gateway) ORDER BY gateway`,
  );
  const raw = await session.query<Parameters<typeof streamRowOf>[0]>(
    `SELECT ${streamColumns} FROM stream ORDER BY gateway, stream_no`,
  );
  const byGateway = Map.groupBy(raw.map(streamRowOf), ({ gateway }) => gateway);
  return gateways.map((gateway) => balanceOf(gateway, byGateway.get(gateway.gateway) ?? []));
}

export function balanceOf(row: GatewayRow, streams: readonly StreamRow[]): GatewayBalance {
  const { gateway, reason, uncountedLosses } = row;
  const total = (count: (row: StreamRow) => number): number => streams.reduce((sum, row) => sum + count(row), 0);
  const read = total((row) => row.read);
  const filtered = total((row) => row.filtered);
  const samples = total((row) => row.samples);
  const stored = total((row) => row.stored);
  const rejected = total((row) => row.rejected);
  const duplicate = total((row) => row.duplicateSamples);
  const declared = total((row) => row.declaredSamples);
  const deadBatches = total((row) => countOf(subtractRanges(row.dead, row.committed)));
  const missingBatches = total((row) => countOf(missingOf(row)));
  const heldBatches = total((row) => countOf(intersectRanges(missingOf(row), row.held)));
  const tailUnknown = reason === 'lost' && streams.length > 0;
  const open = read - filtered - samples - declared;
  return {
    gateway,
    read,
    filtered,
    received: samples + duplicate,
    stored,
    duplicate,
    rejected,
    declared,
    open,
    deadBatches,
    duplicateBatches: total((row) => row.duplicateBatches),
    missingBatches,
    heldBatches,
    tailUnknown,
    // Counts that contradict each other are an anomaly, and show in `open`.
    completeness: read <= filtered ? 1 : Math.min(1, stored / (read - filtered)),
    uncountedLosses,
    closed: missingBatches === 0 && !tailUnknown && (open === 0 || deadBatches > 0),
  };
}
