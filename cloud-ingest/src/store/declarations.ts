import type { Declaration, Micros } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

export type DeclarationEntry = {
  readonly streamNo: number;
  readonly seq: number;
  readonly declaration: Declaration;
  readonly declaredAt: Micros;
};

export async function writeDeclarations(session: Session, entries: readonly DeclarationEntry[]): Promise<void> {
  for (const { streamNo, seq, declaration, declaredAt } of entries) {
    const batches = declaration.kind === 'batches' ? declaration : null;
    const series = declaration.kind === 'series' ? declaration : null;
    await session.query(insert, [
      streamNo,
      seq,
      declaration.kind,
      batches?.stream ?? null,
      series?.device ?? null,
      series?.tag ?? null,
      batches?.from ?? null,
      batches?.to ?? null,
      series?.from ?? null,
      series?.to ?? null,
      declaration.samples,
      declaration.reason,
      declaredAt,
    ]);
  }
}

const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

const insert = `INSERT INTO declaration (stream_no, seq, kind, target_stream, device, tag, from_seq, to_seq, from_time, to_time, samples, reason, declared_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ${instant('$9')}, ${instant('$10')}, $11, $12, ${instant('$13')})`;
