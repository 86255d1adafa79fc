import type { ValueType } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import type { Fields } from '../store/periods.ts';
import { readVersions, type StoredVersion } from '../store/series-versions.ts';
import type { TagName } from './tag-name.ts';

export type RegisteredTag = TagName &
  Fields & {
    readonly seriesId: number;
    readonly type: ValueType;
    /** false for what was sent before its gateway announced it, and was never edited. */
    readonly described: boolean;
  };

export type TagFilter = {
  readonly gateway: string | null;
  readonly device: string | null;
  /** Part of a name or description. */
  readonly text: string | null;
  /** Only those that nobody has described. */
  readonly unknown: boolean;
};

const tagsPerPage = 1_000;

const columns = `series_id AS "seriesId", gateway, device, tag, type, unit, description, scale, value_offset AS "offset",
  minimum, maximum, described`;

/** In the order of their names, in pages. */
export async function* listTags(
  withSession: <Result>(work: (session: Session) => Promise<Result>) => Promise<Result>,
  { gateway, device, text, unknown }: TagFilter,
): AsyncGenerator<readonly RegisteredTag[]> {
  let after: readonly string[] = ['', '', ''];
  for (;;) {
    const values = [gateway, device, text === null ? null : `%${text.replace(/[\\%_]/g, '\\$&')}%`, unknown, ...after];
    const tags = await withSession((session) => session.query<RegisteredTag>(page, values));
    if (tags.length > 0) yield tags;
    const last = tags.at(-1);
    if (last === undefined || tags.length < tagsPerPage) return;
    after = [last.gateway, last.device, last.tag];
  }
}

const page = `SELECT ${columns} FROM series
  WHERE ($1::text IS NULL OR gateway = $1) AND ($2::text IS NULL OR device = $2)
    AND ($3::text IS NULL OR device ILIKE $3 OR tag ILIKE $3 OR description ILIKE $3)
    AND NOT ($4 AND described) AND (gateway, device, tag) > ($5, $6, $7)
  ORDER BY gateway, device, tag LIMIT ${tagsPerPage}`;

/** null where there is no such tag. */
export async function readTag(
  session: Session,
  name: TagName,
): Promise<{ readonly tag: RegisteredTag; readonly versions: readonly StoredVersion[] } | null> {
  const [tag] = await session.query<RegisteredTag>(
    `SELECT ${columns} FROM series WHERE (gateway, device, tag) = ($1, $2, $3)`,
    [name.gateway, name.device, name.tag],
  );
  if (tag === undefined) return null;
  return { tag, versions: (await readVersions(session, [tag.seriesId])).get(tag.seriesId) ?? [] };
}
