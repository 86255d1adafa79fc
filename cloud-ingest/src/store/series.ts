import type { Tag } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { holdEpoch } from './registry-epoch.ts';
import { noRules, type Rules } from './rules.ts';
import { RulesOfSeries } from './rules-of-series.ts';
import { SeriesTree } from './series-tree.ts';
import { readVersions } from './series-versions.ts';

/** Series kept in memory; beyond it the cache begins again. */
const maxCached = 500_000;
/** Series in lists that are kept resolved, a series counted in each of its lists. */
const maxResolved = 2_000_000;

export type GatewayTags = { readonly gateway: string; readonly tags: readonly Tag[] };

/**
 * The series dictionary with what the registry says of each series, cached. What a transaction looks up or makes is staged
 * and joins the cache only at its commit, so that the cache never holds a number that a rollback took back; after trouble
 * with the database the cache begins anew, since it may be another database now.
 *
 * Each transaction holds the epoch of the registry until it ends, and first forgets what was changed up to it.
 */
export class SeriesCache {
  private readonly known = new SeriesTree();
  private readonly rules = new RulesOfSeries();
  /** Of what is known; null where nothing is. */
  private epoch: number | null = null;
  private staged = emptyStage(null);
  private resolved = new ResolvedLists();
  private readonly keepTypes: boolean;

  /** `keepTypes`: batches that are written again say nothing of the type that a tag has now. */
  constructor({ keepTypes = false }: { readonly keepTypes?: boolean } = {}) {
    this.keepTypes = keepTypes;
  }

  /** Ids for the tags of each entry, in their order. Unknown series are made, and flagged as not described. */
  async resolve(session: Session, wanted: readonly GatewayTags[]): Promise<readonly (readonly number[])[]> {
    this.staged = emptyStage(await this.catchUp(session));
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

  /** What the registry asks of the rows of a series that was resolved in this transaction. */
  rulesOf(seriesId: number): Rules {
    return this.staged.rules.get(seriesId) ?? this.rules.get(seriesId) ?? noRules;
  }

  committed(): void {
    const { tree, rules, epoch } = this.staged;
    this.epoch = epoch;
    if (tree.size === 0) return;
    this.resolved = new ResolvedLists();
    if (this.known.size + tree.size > maxCached) this.forget();
    this.known.addAll(tree);
    this.rules.addAll(rules);
    this.staged = emptyStage(epoch);
  }

  clear(): void {
    this.forget();
    this.epoch = null;
    this.staged = emptyStage(null);
  }

  private forget(): void {
    this.resolved = new ResolvedLists();
    this.known.clear();
    this.rules.clear();
  }

  /** Forgets the series that the registry changed since this cache last knew all of it. */
  private async catchUp(session: Session): Promise<number> {
    const epoch = await holdEpoch(session);
    if (this.epoch === null || this.epoch === epoch) return epoch;
    this.resolved = new ResolvedLists();
    // An epoch from before is another database.
    if (epoch < this.epoch) this.forget();
    for (const { gateway, ...name } of await session.query<Name>(changedSince, [this.epoch]))
      this.known.remove(gateway, name);
    return epoch;
  }

  private complete({ gateway, tags, ids }: Resolved): void {
    for (const [place, tag] of tags.entries()) {
      if (ids[place] !== unknownSeries) continue;
      const made = this.staged.tree.find(gateway, tag);
      if (made === undefined) throw new Error(`series ${nameOf(gateway, tag)} was not found after it was made`);
      ids[place] = made.seriesId;
    }
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
    if (!this.keepTypes) await session.query(setType, columns);
    const found = await session.query<{ place: number; seriesId: number }>(findSeries, columns.slice(0, 3));
    const versions = await readVersions(
      session,
      found.map(({ seriesId }) => seriesId),
    );
    for (const { place, seriesId } of found) {
      const { gateway, tag } = of(keys[place - 1] as string);
      this.staged.tree.add(gateway, tag, { seriesId, type: tag.type });
      this.staged.rules.add(seriesId, versions.get(seriesId) ?? [], tag.type);
    }
  }
}

type Stage = { readonly epoch: number | null; readonly tree: SeriesTree; readonly rules: RulesOfSeries };

const emptyStage = (epoch: number | null): Stage => ({ epoch, tree: new SeriesTree(), rules: new RulesOfSeries() });

type Name = { readonly gateway: string; readonly device: string; readonly tag: string };

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

const changedSince = `SELECT DISTINCT gateway, device, tag FROM series_version JOIN series USING (series_id) WHERE epoch > $1`;
