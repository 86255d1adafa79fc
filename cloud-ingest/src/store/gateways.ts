import type { BirthMessage, Micros, StateMessage, TagBirth } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { beginEpoch, readEpoch } from './registry-epoch.ts';
import { type NewVersion, refreshPresent, writeVersions } from './series-versions.ts';

export type GatewayState = { readonly state: StateMessage; readonly receivedAt: Micros };
export type GatewayBirth = { readonly birth: BirthMessage; readonly receivedAt: Micros };

const receivedAt = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

/** On first sight. */
export async function addGateways(session: Session, gateways: readonly string[]): Promise<void> {
  if (gateways.length === 0) return;
  await session.query(
    'INSERT INTO gateway (gateway) SELECT * FROM unnest($1::text[]) ON CONFLICT (gateway) DO NOTHING',
    [[...gateways].sort()],
  );
}

/** Of states that overtook each other on their way, in appends that were tried again, the one that was received last counts. */
export async function saveState(session: Session, { state, receivedAt: at }: GatewayState): Promise<void> {
  await session.query(saveNewerState, [
    state.gateway,
    state.online,
    JSON.stringify(state).replaceAll('\\u0000', '\\ufffd'),
    at,
  ]);
}

/**
 * What the gateway says of its devices and tags; series it names before their first sample are made. What differs from the
 * birth before holds from the reception of this one; what the first birth of a series says, from its beginning.
 */
export async function saveBirth(session: Session, { birth, receivedAt: at }: GatewayBirth): Promise<void> {
  const { gateway, devices } = birth;
  await session.query(`UPDATE gateway SET birth_at = greatest(birth_at, ${receivedAt('$2')}) WHERE gateway = $1`, [
    gateway,
    at,
  ]);
  await session.query(saveDevices, [
    gateway,
    devices.map(({ device }) => device),
    devices.map(({ protocol }) => protocol),
  ]);
  const tags = devices.flatMap(({ device, tags }) => tags.map((tag) => ({ device, ...tag })));
  const columns = [gateway, tags.map((tag) => tag.device), tags.map((tag) => tag.tag), tags.map((tag) => tag.type)];
  const made = new Set(
    (await session.query<{ seriesId: number }>(makeSeries, columns)).map(({ seriesId }) => seriesId),
  );
  const changed = await session.query<ChangedTag>(changedTags, [...columns, tags.map(statedOf), at]);
  if (changed.length === 0) return;
  // Of series that are new nobody knows anything yet that would be wrong now: a fleet that starts holds no one up.
  const isNews = changed.some(({ seriesId }) => !made.has(seriesId));
  const epoch = await (isNews ? beginEpoch(session) : readEpoch(session));
  await session.query(setType, columns);
  await writeVersions(
    session,
    epoch,
    changed.map(({ seriesId, stated, isFirst }) => ({
      seriesId,
      origin: 'birth',
      validFrom: isFirst ? Number.NEGATIVE_INFINITY : at,
      stated,
      released: [],
      note: null,
    })),
  );
  await refreshPresent(
    session,
    changed.map(({ seriesId }) => seriesId),
  );
}

/** They lie seconds apart: one from longer ago means that the clock of the bridge was ahead, and is right again. */
const mostOvertaken = '1 minute';

const saveNewerState = `UPDATE gateway SET online = $2, state = $3, state_at = ${receivedAt('$4')}
  WHERE gateway = $1
    AND (state_at > ${receivedAt('$4')} AND state_at < ${receivedAt('$4')} + INTERVAL '${mostOvertaken}') IS NOT TRUE`;

type ChangedTag = { seriesId: number; stated: NewVersion['stated']; isFirst: boolean };

/** All that a birth can say stands in it: what is left out is no longer so. */
const statedOf = ({ type, unit, description, minimum, maximum }: TagBirth): string =>
  JSON.stringify({
    type,
    unit: storable(unit),
    description: storable(description),
    minimum: minimum ?? null,
    maximum: maximum ?? null,
  });

const storable = (text: string | undefined): string | null => text?.replaceAll('\u0000', '\ufffd') ?? null;

const saveDevices = `INSERT INTO device (gateway, device, protocol)
  SELECT DISTINCT ON (device) $1, device, protocol FROM unnest($2::text[], $3::text[]) AS born (device, protocol) ORDER BY device
  ON CONFLICT (gateway, device) DO UPDATE SET protocol = excluded.protocol WHERE device.protocol IS DISTINCT FROM excluded.protocol`;

const born = `(SELECT DISTINCT ON (device, tag) * FROM unnest($2::text[], $3::text[], $4::text[])
  AS born (device, tag, type) ORDER BY device, tag) AS born`;

const makeSeries = `INSERT INTO series (gateway, device, tag, type, described)
  SELECT $1, device, tag, type, true FROM ${born}
  WHERE NOT EXISTS (SELECT FROM series WHERE series.gateway = $1 AND series.device = born.device AND series.tag = born.tag)
  ON CONFLICT (gateway, device, tag) DO NOTHING RETURNING series_id AS "seriesId"`;

const setType = `UPDATE series SET type = born.type FROM ${born}
  WHERE series.gateway = $1 AND series.device = born.device AND series.tag = born.tag AND series.type <> born.type`;

const changedTags = `SELECT series_id AS "seriesId", born.stated, before.stated IS NULL AS "isFirst"
  FROM (SELECT DISTINCT ON (device, tag) * FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[])
    AS born (device, tag, type, stated) ORDER BY device, tag) AS born
  JOIN series ON series.gateway = $1 AND series.device = born.device AND series.tag = born.tag
  LEFT JOIN LATERAL (SELECT version.stated FROM series_version AS version
    WHERE version.series_id = series.series_id AND origin = 'birth' AND valid_from <= ${receivedAt('$6')}
    ORDER BY valid_from DESC, epoch DESC LIMIT 1) AS before ON true
  WHERE before.stated IS DISTINCT FROM born.stated`;
