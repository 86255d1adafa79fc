import type { Tag, ValueType } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

/** Series kept in memory; beyond it the cache begins again. */
const maxCached = 500_000;

type Known = { readonly seriesId: number; readonly type: ValueType };
export type GatewayTags = { readonly gateway: string; readonly tags: readonly Tag[] };

/**
 * The series dictionary, cached. What a transaction looks up or makes is staged and joins the cache only at its commit, so
 * that the cache never holds a number that a rollback took back; after trouble with the database the cache begins anew,
 * since it may be another database now.
 */
export class SeriesCache {
  private readonly known = new Map<string, Known>();
  private staged = new Map<string, Known>();

  /** Ids for the tags of each entry, in their order. Unknown series are made, and flagged as not described. */
  async resolve(session: Session, wanted: readonly GatewayTags[]): Promise<number[][]> {
    this.staged = new Map();
    const missing = new Map<string, { gateway: string; tag: Tag }>();
    for (const { gateway, tags } of wanted)
      for (const tag of tags) {
        const key = keyOf(gateway, tag);
        if (this.find(key)?.type !== tag.type) missing.set(key, { gateway, tag });
      }
    if (missing.size > 0) await this.load(session, missing);
    return wanted.map(({ gateway, tags }) => tags.map((tag) => this.idOf(keyOf(gateway, tag))));
  }

  committed(): void {
    if (this.known.size + this.staged.size > maxCached) this.known.clear();
    for (const [key, known] of this.staged) this.known.set(key, known);
    this.staged = new Map();
  }

  clear(): void {
    this.known.clear();
    this.staged = new Map();
  }

  private find(key: string): Known | undefined {
    return this.staged.size === 0 ? this.known.get(key) : (this.staged.get(key) ?? this.known.get(key));
  }

  private idOf(key: string): number {
    const known = this.find(key);
    if (known === undefined) throw new Error(`series ${key} was not found after it was made`);
    return known.seriesId;
  }

  private async load(session: Session, missing: ReadonlyMap<string, { gateway: string; tag: Tag }>): Promise<void> {
    // In one order everywhere, so that two processors do not wait for each other.
    const keys = [...missing.keys()].sort();
    const of = (key: string) => missing.get(key) as { gateway: string; tag: Tag };
    const columns = [
      keys.map((key) => of(key).gateway),
      keys.map((key) => of(key).tag.device),
      keys.map((key) => of(key).tag.tag),
      keys.map((key) => of(key).tag.type),
    ];
    await session.query(makeDevices, columns.slice(0, 2));
    await session.query(makeSeries, columns);
    await session.query(setType, columns);
    const found = await session.query<{ place: number; seriesId: number }>(findSeries, columns.slice(0, 3));
    for (const { place, seriesId } of found) {
      const key = keys[place - 1] as string;
      this.staged.set(key, { seriesId, type: of(key).tag.type });
    }
  }
}

const keyOf = (gateway: string, { device, tag }: Tag): string => `${gateway}/${device}/${tag}`;

const wanted3 = 'unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (gateway, device, tag, place)';
const wanted4 = 'unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS wanted (gateway, device, tag, type)';

const makeDevices = `INSERT INTO device (gateway, device)
  SELECT DISTINCT gateway, device FROM unnest($1::text[], $2::text[]) AS wanted (gateway, device) ORDER BY 1, 2
  ON CONFLICT DO NOTHING`;

// What exists is left out before the insert: a conflict would use up a number of the identity each time.
const makeSeries = `INSERT INTO series (gateway, device, tag, type)
  SELECT gateway, device, tag, type FROM ${wanted4}
  WHERE NOT EXISTS (SELECT FROM series WHERE (series.gateway, series.device, series.tag) = (wanted.gateway, wanted.device, wanted.tag))
  ON CONFLICT (gateway, device, tag) DO NOTHING`;

// The type of a tag changes when somebody corrects the settings of its device: the newest is what readers go by.
const setType = `UPDATE series SET type = wanted.type FROM ${wanted4}
  WHERE (series.gateway, series.device, series.tag) = (wanted.gateway, wanted.device, wanted.tag) AND series.type <> wanted.type`;

const findSeries = `SELECT place::int4, series_id AS "seriesId"
  FROM ${wanted3} JOIN series USING (gateway, device, tag)`;
