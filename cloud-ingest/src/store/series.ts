import type { Tag, ValueType } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

/** Series kept in memory; beyond it the cache begins again. */
const maxCached = 500_000;
/** Series in lists that are kept resolved, a series counted in each of its lists. */
const maxResolved = 2_000_000;

type Known = { readonly seriesId: number; readonly type: ValueType };
export type GatewayTags = { readonly gateway: string; readonly tags: readonly Tag[] };

/**
 * The series dictionary, cached. What a transaction looks up or makes is staged and joins the cache only at its commit, so
 * that the cache never holds a number that a rollback took back; after trouble with the database the cache begins anew,
 * since it may be another database now.
 */
export class SeriesCache {
  private readonly known = new SeriesTree();
  private staged = new SeriesTree();
  private resolved = new ResolvedLists();

  /** Ids for the tags of each entry, in their order. Unknown series are made, and flagged as not described. */
  async resolve(session: Session, wanted: readonly GatewayTags[]): Promise<readonly (readonly number[])[]> {
    this.staged = new SeriesTree();
    const missing = new Map<string, Missing>();
    const incomplete: Resolved[] = [];
    const seen = new ResolvedLists();
    const ids = wanted.map((each) => {
      const known = this.resolved.find(each) ?? seen.find(each);
      if (known !== undefined) return known;
      const found = idsIn(this.known, each, missing);
      seen.keep(each, found);
      if (found.includes(unknownSeries)) incomplete.push({ ...each, ids: found });
      else this.resolved.keep(each, found);
      return found;
    });
    if (missing.size > 0) {
      await this.load(session, missing);
      for (const each of incomplete) this.complete(each);
    }
    return ids;
  }

  private complete({ gateway, tags, ids }: Resolved): void {
    for (const [place, tag] of tags.entries()) {
      if (ids[place] !== unknownSeries) continue;
      const made = this.staged.find(gateway, tag);
      if (made === undefined) throw new Error(`series ${nameOf(gateway, tag)} was not found after it was made`);
      ids[place] = made.seriesId;
    }
  }

  committed(): void {
    if (this.staged.size === 0) return;
    this.resolved = new ResolvedLists();
    if (this.known.size + this.staged.size > maxCached) this.known.clear();
    this.known.addAll(this.staged);
    this.staged = new SeriesTree();
  }

  clear(): void {
    this.resolved = new ResolvedLists();
    this.known.clear();
    this.staged = new SeriesTree();
  }

  private async load(session: Session, missing: ReadonlyMap<string, Missing>): Promise<void> {
    // In one order everywhere, so that two processors do not wait for each other.
    const keys = [...missing.keys()].sort();
    const of = (key: string) => missing.get(key) as Missing;
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
      const { gateway, tag } = of(keys[place - 1] as string);
      this.staged.add(gateway, tag, { seriesId, type: tag.type });
    }
  }
}

type Resolved = GatewayTags & { readonly ids: number[] };
type Missing = { readonly gateway: string; readonly tag: Tag };

const unknownSeries = 0;
const nameOf = (gateway: string, { device, tag }: Tag): string => `${gateway}/${device}/${tag}`;

/** This is asked for each tag of each batch, so no name is put together unless the series is missing. */
function idsIn(known: SeriesTree, { gateway, tags }: GatewayTags, missing: Map<string, Missing>): number[] {
  const ids: number[] = new Array(tags.length);
  for (let place = 0; place < tags.length; place++) {
    const tag = tags[place] as Tag;
    const found = known.find(gateway, tag);
    if (found !== undefined && found.type === tag.type) ids[place] = found.seriesId;
    else {
      ids[place] = unknownSeries;
      missing.set(nameOf(gateway, tag), { gateway, tag });
    }
  }
  return ids;
}

/**
 * Series by whole tag lists: the decoder gives the same array for a list that came before. Forgotten as soon as anything
 * about the known series changes.
 */
class ResolvedLists {
  private lists = new WeakMap<readonly Tag[], Map<string, readonly number[]>>();
  private room = maxResolved;

  find({ gateway, tags }: GatewayTags): readonly number[] | undefined {
    return this.lists.get(tags)?.get(gateway);
  }

  keep({ gateway, tags }: GatewayTags, ids: readonly number[]): void {
    if (ids.length > this.room) {
      this.lists = new WeakMap();
      this.room = maxResolved;
    }
    this.room -= ids.length;
    const byGateway = this.lists.get(tags) ?? new Map<string, readonly number[]>();
    this.lists.set(tags, byGateway.set(gateway, ids));
  }
}

/** Gateway → device → tag. The tags of a batch stand device by device, so the last device is kept at hand. */
class SeriesTree {
  size = 0;
  private readonly gateways = new Map<string, Map<string, Map<string, Known>>>();
  private gateway = '';
  private device = '';
  private tags: Map<string, Known> | undefined;

  find(gateway: string, { device, tag }: Tag): Known | undefined {
    if (device !== this.device || gateway !== this.gateway || this.tags === undefined) {
      this.gateway = gateway;
      this.device = device;
      this.tags = this.gateways.get(gateway)?.get(device);
    }
    return this.tags?.get(tag);
  }

  add(gateway: string, { device, tag }: Pick<Tag, 'device' | 'tag'>, known: Known): void {
    const devices = this.gateways.get(gateway) ?? new Map<string, Map<string, Known>>();
    const tags = devices.get(device) ?? new Map<string, Known>();
    if (!tags.has(tag)) this.size += 1;
    this.gateways.set(gateway, devices.set(device, tags.set(tag, known)));
  }

  addAll(other: SeriesTree): void {
    for (const [gateway, devices] of other.gateways)
      for (const [device, tags] of devices) for (const [tag, known] of tags) this.add(gateway, { device, tag }, known);
  }

  clear(): void {
    this.gateways.clear();
    this.tags = undefined;
    this.size = 0;
  }
}

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
