/**
 * Chunks of the roll-ups go to the columnstore when they are old enough to rest: a point of a chart is then some rows of one
 * series beside each other, in a tenth of the space. A chunk that late rows have changed since is put in order again. Done
 * here and not by a policy, because before 2.28 a policy would have to wait until no refresh may reach the chunk any more.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from '../connection.ts';

/** A long way is gone in steps, so that roll-ups do not wait. */
const maxChunksPerRound = 4;
/** Bit of a chunk's status: has rows beside its compressed ones. */
const partial = 8;

export async function keepColumnstore(session: Session, { columnstoreAfterMs }: DatabaseConfig): Promise<void> {
  const chunks = await session.query<{ chunk: string }>(
    `SELECT format('%I.%I', chunk_schema, chunk_name) AS chunk
     FROM timescaledb_information.chunks AS chunk JOIN timescaledb_information.continuous_aggregates AS aggregate
       ON (chunk.hypertable_schema, chunk.hypertable_name) = (materialization_hypertable_schema, materialization_hypertable_name)
     WHERE view_schema = current_schema() AND view_name IN ('rollup_1m', 'rollup_1h')
       AND range_end < now() - $1::int8 * INTERVAL '1 millisecond'
       AND (NOT is_compressed OR _timescaledb_functions.chunk_status(format('%I.%I', chunk_schema, chunk_name)::regclass) & ${partial} > 0)
       -- While late rows are still coming, it is not put in order again and again.
       AND NOT EXISTS (SELECT FROM touched_1m WHERE bucket >= range_start AND bucket < range_end)
     ORDER BY range_end LIMIT ${maxChunksPerRound}`,
    [columnstoreAfterMs],
  );
  for (const { chunk } of chunks) await session.query(`CALL convert_to_columnstore('${chunk}')`);
}
