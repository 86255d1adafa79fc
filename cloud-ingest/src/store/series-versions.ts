/** The versions of series in the database. Who writes them has begun an epoch, in the same transaction. */
import type { Micros, ValueType } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { type FieldName, type Fields, type Origin, periodsOf, type Version } from './periods.ts';

/** A version as it stands in the table, with what is for readers only. */
export type StoredVersion = Version & {
  readonly epoch: number;
  readonly statedAt: Micros;
  readonly note: string | null;
  /** As a birth stated it. */
  readonly type: ValueType | null;
};

/** Of each series, in the order in which they were stated; a series without any is left out. */
export async function readVersions(
  session: Session,
  seriesIds: readonly number[],
): Promise<ReadonlyMap<number, readonly StoredVersion[]>> {
  const rows = await session.query<Row>(
    `SELECT series_id AS "seriesId", epoch, origin, stated, released, note, ${micros('valid_from')} AS "validFrom", ${micros('stated_at')} AS "statedAt"
     FROM series_version WHERE series_id = ANY($1::int4[]) ORDER BY epoch`,
    [seriesIds],
  );
  const versions = new Map<number, StoredVersion[]>();
  for (const { seriesId, ...row } of rows) {
    const version = versionOf(row);
    const known = versions.get(seriesId);
    if (known === undefined) versions.set(seriesId, [version]);
    else known.push(version);
  }
  return versions;
}

type Row = {
  seriesId: number;
  epoch: number;
  origin: Origin;
  stated: Partial<Fields> & { readonly type?: ValueType };
  released: FieldName[];
  note: string | null;
  /** null: always. */
  validFrom: Micros | null;
  statedAt: Micros;
};

function versionOf({ stated, validFrom, ...row }: Omit<Row, 'seriesId'>): StoredVersion {
  const { type = null, ...fields } = stated;
  return { ...row, type, stated: fields, validFrom: validFrom ?? Number.NEGATIVE_INFINITY };
}

const micros = (column: string): string =>
  `CASE WHEN isfinite(${column}) THEN (extract(epoch FROM ${column}) * 1000000)::int8 END`;

export type NewVersion = Omit<Version, 'stated'> & {
  readonly seriesId: number;
  readonly stated: Partial<Fields> & { readonly type?: ValueType };
  readonly note: string | null;
};

export async function writeVersions(session: Session, epoch: number, versions: readonly NewVersion[]): Promise<void> {
  const column = <Value>(value: (version: NewVersion) => Value): Value[] => versions.map(value);
  await session.query(
    `INSERT INTO series_version (epoch, series_id, origin, valid_from, stated, released, note)
     SELECT $1, series_id, origin, coalesce(TIMESTAMPTZ 'epoch' + valid_from * INTERVAL '1 microsecond', '-infinity'), stated,
       ARRAY(SELECT jsonb_array_elements_text(released)), note
     FROM unnest($2::int4[], $3::text[], $4::int8[], $5::jsonb[], $6::jsonb[], $7::text[])
       AS version (series_id, origin, valid_from, stated, released, note)`,
    [
      epoch,
      column(({ seriesId }) => seriesId),
      column(({ origin }) => origin),
      column(({ validFrom }) => (validFrom === Number.NEGATIVE_INFINITY ? null : validFrom)),
      column(({ stated }) => JSON.stringify(stated)),
      column(({ released }) => JSON.stringify(released)),
      column(({ note }) => note),
    ],
  );
}

/** Brings what `series` says up to the versions: nothing holds from a later instant than the present. */
export async function refreshPresent(session: Session, seriesIds: readonly number[]): Promise<void> {
  const present = [...(await readVersions(session, seriesIds))].flatMap(([seriesId, versions]) => {
    const period = periodsOf(versions).at(-1);
    return period === undefined ? [] : [{ seriesId, ...period.fields }];
  });
  const column = <Value>(value: (each: (typeof present)[number]) => Value): Value[] => present.map(value);
  await session.query(
    `UPDATE series SET unit = now.unit, description = now.description, scale = now.scale, value_offset = now.value_offset,
       minimum = now.minimum, maximum = now.maximum, described = true
     FROM unnest($1::int4[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
       AS now (series_id, unit, description, scale, value_offset, minimum, maximum)
     WHERE series.series_id = now.series_id`,
    [
      column(({ seriesId }) => seriesId),
      column(({ unit }) => unit),
      column(({ description }) => description),
      column(({ scale }) => scale),
      column(({ offset }) => offset),
      column(({ minimum }) => minimum),
      column(({ maximum }) => maximum),
    ],
  );
}
