/**
 * Rows into `sample` by COPY, and the rows that PostgreSQL refuses apart from the rest.
 *
 * Each COPY stands behind a savepoint. When one fails on its data, the error names the line: the rows before it are sent
 * again, the row is put aside, and the rest goes on from there; so each row is sent twice at most, however many are bad.
 * Where no line is named, or the named one was not the only trouble, the range is cut in half.
 */
import { type FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { encodeRows, sampleColumns } from './copy/encode-rows.ts';
import { orderBySeries, type Rows } from './rows.ts';
import { partsOf, takePath, type WritePath } from './write-path.ts';

export type RefusedRow = { readonly row: number; readonly reason: string };

/** `taken`: how many rows went which way. */
export type WrittenSamples = {
  readonly refused: readonly RefusedRow[];
  readonly taken: readonly { readonly path: WritePath; readonly late: boolean; readonly rows: number }[];
};

const copySamples = `COPY sample (${sampleColumns}) FROM STDIN (FORMAT binary)`;

/** @throws FieldlineError for everything that is not the fault of a row */
export async function writeSamples(session: Session, rows: Rows): Promise<WrittenSamples> {
  const refused: RefusedRow[] = [];
  const taken: WrittenSamples['taken'][number][] = [];
  const parts = await partsOf(session, rows, orderBySeries(rows));
  for (const { path, late, order } of parts) {
    if (order.length === 0) continue;
    if (path === 'columnstore') await takePath(session, path);
    const bad = await copyPart(session, rows, order);
    if (path === 'columnstore') await takePath(session, 'rowstore');
    refused.push(...bad);
    taken.push({ path, late, rows: order.length - bad.length });
  }
  return { refused, taken };
}

async function copyPart(session: Session, rows: Rows, order: Uint32Array): Promise<readonly RefusedRow[]> {
  const refused: RefusedRow[] = [];
  const ranges: [from: number, to: number][] = [[0, order.length]];
  await session.query('SAVEPOINT samples');
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [from, to] = range;
    if (from === to) continue;
    const trouble = await copyRange(session, rows, order, from, to);
    if (trouble === null) continue;
    const bad = badRow(trouble, from, to);
    if (bad !== null) {
      refused.push({ row: order[bad] as number, reason: trouble.message });
      ranges.push([bad + 1, to], [from, bad]);
    } else {
      const middle = (from + to) >> 1;
      ranges.push([middle, to], [from, middle]);
    }
  }
  await session.query('RELEASE SAVEPOINT samples');
  return refused;
}

async function copyRange(
  session: Session,
  rows: Rows,
  order: Uint32Array,
  from: number,
  to: number,
): Promise<FieldlineError | null> {
  try {
    await session.copy(copySamples, encodeRows(rows, order, from, to));
  } catch (error) {
    if (!isFieldlineError(error, 'database/data')) throw error;
    await session.query('ROLLBACK TO SAVEPOINT samples');
    return error;
  }
  // What is in stays in, even if a later range has to be taken back.
  await session.query('RELEASE SAVEPOINT samples');
  await session.query('SAVEPOINT samples');
  return null;
}

/** Index of the row at fault, or null where it has to be searched for. Lines count from 1, as in `COPY sample, line 3`. */
function badRow(trouble: FieldlineError, from: number, to: number): number | null {
  if (to - from === 1) return from;
  const { where } = trouble.cause as { where?: string };
  const line = Number(/^COPY \S+, line (\d+)/m.exec(where ?? '')?.[1]);
  return line >= 1 && line <= to - from ? from + line - 1 : null;
}
