/** What an operator states of tags: checked as a whole, then written in one epoch of the registry. */
import type { Micros, ValueType } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import {
  differingSpan,
  type FieldName,
  type Fields,
  fieldNames,
  type Period,
  periodsOf,
  type Span,
  type Version,
} from '../store/periods.ts';
import { beginEpoch, lockRegistry } from '../store/registry-epoch.ts';
import { readVersions, refreshPresent, writeVersions } from '../store/series-versions.ts';
import { nearestName } from './nearest-name.ts';
import { type TagName, textOf } from './tag-name.ts';

export type Edit = TagName & { readonly stated: Partial<Fields>; readonly released: readonly FieldName[] };

/** Common to all edits of one call. */
export type Since = { readonly validFrom: Micros; readonly note: string | null };

export type EditProblem = {
  /** Of the edit. */
  readonly index: number;
  readonly field: FieldName | null;
  readonly message: string;
};

export type Change = {
  readonly seriesId: number;
  readonly edit: Edit;
  readonly before: readonly Period[];
  readonly after: readonly Period[];
  /** Times of rows that are stored by what held before. */
  readonly stale: Span | null;
};

export type EditPlan = {
  readonly changes: readonly Change[];
  /** Edits that say what holds already. */
  readonly unchanged: number;
  readonly problems: readonly EditProblem[];
};

/** What a row is made by; unit and description are not in the rows. */
export const inRows = ['scale', 'offset', 'minimum', 'maximum'] as const satisfies readonly FieldName[];
const maxAdvised = 20;

/** While an edit waits for the transactions that run, those that follow wait for it. */
const lockTimeoutMs = 5_000;

/** Locks the registry: what is planned holds until the transaction ends. */
export async function planEdits(session: Session, edits: readonly Edit[], { validFrom }: Since): Promise<EditPlan> {
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  await lockRegistry(session);
  const found = await findSeries(session, edits);
  const versions = await readVersions(
    session,
    [...found.values()].map(({ seriesId }) => seriesId),
  );
  const plan = { changes: [] as Change[], unchanged: 0, problems: [] as EditProblem[] };
  for (const [index, wanted] of edits.entries()) {
    const series = found.get(index);
    if (series === undefined) {
      const meant = plan.problems.length < maxAdvised ? await nearestName(session, wanted) : null;
      const advice = meant === null ? '' : `: did you mean ${textOf(meant)}?`;
      plan.problems.push({
        index,
        field: null,
        message: `no tag ${textOf(wanted)} has been announced or sent${advice}`,
      });
      continue;
    }
    const known = versions.get(series.seriesId) ?? [];
    const before = periodsOf(known);
    const edit = effective(wanted, before, known, validFrom);
    const stated: Version = { origin: 'operator', validFrom, stated: edit.stated, released: edit.released };
    const after = periodsOf([...known, stated]);
    const wrong = wrongIn(wanted, series.type, before, after).map((each) => ({ index, ...each }));
    plan.problems.push(...wrong);
    if (wrong.length > 0) continue;
    if (differingSpan(before, after, fieldNames) === null) plan.unchanged += 1;
    else
      plan.changes.push({
        seriesId: series.seriesId,
        edit,
        before,
        after,
        stale: staleSpan(before, after, series.latest),
      });
  }
  return plan;
}

export async function writeEdits(
  session: Session,
  changes: readonly Change[],
  { validFrom, note }: Since,
): Promise<void> {
  if (changes.length === 0) return;
  const epoch = await beginEpoch(session);
  await writeVersions(
    session,
    epoch,
    changes.map(({ seriesId, edit: { stated, released } }) => ({
      seriesId,
      origin: 'operator',
      validFrom,
      stated,
      released,
      note,
    })),
  );
  await refreshPresent(
    session,
    changes.map(({ seriesId }) => seriesId),
  );
}

type Series = {
  readonly index: number;
  readonly seriesId: number;
  readonly type: ValueType;
  readonly latest: Micros | null;
};

async function findSeries(session: Session, edits: readonly TagName[]): Promise<ReadonlyMap<number, Series>> {
  const rows = await session.query<Series>(
    `SELECT (place - 1)::int4 AS index, series_id AS "seriesId", type, (extract(epoch FROM latest.time) * 1000000)::int8 AS latest
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (gateway, device, tag, place)
     JOIN series USING (gateway, device, tag) LEFT JOIN latest USING (series_id)`,
    [edits.map(({ gateway }) => gateway), edits.map(({ device }) => device), edits.map(({ tag }) => tag)],
  );
  return new Map(rows.map((row) => [row.index, row]));
}

/** Of the other types nothing of `inRows` can be stated. */
export const isNumeric = (type: string): boolean => type !== 'bool' && type !== 'string';

type Wrong = Omit<EditProblem, 'index'>;

function wrongIn(edit: Edit, type: ValueType, before: readonly Period[], after: readonly Period[]): Wrong[] {
  if (!isNumeric(type)) {
    const field = inRows.find((each) => (edit.stated[each] ?? null) !== null);
    if (field !== undefined)
      return [{ field, message: `${field} goes with numbers only, and ${textOf(edit)} is of type ${type}` }];
  }
  const upsideDown = ({ fields: { minimum, maximum } }: Period): boolean =>
    minimum !== null && maximum !== null && minimum > maximum;
  const wrong = after.find((period) => upsideDown(period));
  if (wrong === undefined || before.some(upsideDown)) return [];
  const { minimum, maximum } = wrong.fields;
  const field = edit.stated.maximum === undefined ? 'minimum' : 'maximum';
  return [
    { field, message: `${textOf(edit)} would have a minimum of ${minimum} and a maximum of ${maximum}: set both` },
  ];
}

/**
 * The edit without what holds anyway: a field that is imported as it was exported stays the gateway's to say.
 */
function effective(edit: Edit, before: readonly Period[], known: readonly Version[], validFrom: Micros): Edit {
  const later = before.filter(({ to }) => to > validFrom);
  const differs = ([field, value]: [string, unknown]): boolean =>
    later.some(({ fields }) => fieldNames.some((name) => name === field && fields[name] !== value));
  const edited = new Set(
    known.filter(({ origin }) => origin === 'operator').flatMap(({ stated }) => Object.keys(stated)),
  );
  return {
    ...edit,
    stated: Object.fromEntries(Object.entries(edit.stated).filter(differs)),
    released: edit.released.filter((field) => edited.has(field)),
  };
}

function staleSpan(before: readonly Period[], after: readonly Period[], latest: Micros | null): Span | null {
  const span = differingSpan(before, after, inRows);
  if (span === null || latest === null || latest < span.from) return null;
  return { from: span.from, to: Math.min(span.to, latest + 1) };
}
