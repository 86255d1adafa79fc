import type { BirthMessage, Micros, StateMessage } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

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

/** The last of several states of one gateway counts. */
export async function saveState(session: Session, { state, receivedAt: at }: GatewayState): Promise<void> {
  await session.query(`UPDATE gateway SET online = $2, state = $3, state_at = ${receivedAt('$4')} WHERE gateway = $1`, [
    state.gateway,
    state.online,
    JSON.stringify(state).replaceAll('\\u0000', '\\ufffd'),
    at,
  ]);
}

/** What the gateway says of its devices and tags; series it names before their first sample are made. */
export async function saveBirth(session: Session, { birth, receivedAt: at }: GatewayBirth): Promise<void> {
  const { gateway, devices } = birth;
  await session.query(`UPDATE gateway SET birth_at = ${receivedAt('$2')} WHERE gateway = $1`, [gateway, at]);
  await session.query(saveDevices, [
    gateway,
    devices.map(({ device }) => device),
    devices.map(({ protocol }) => protocol),
  ]);
  const tags = devices.flatMap(({ device, tags }) => tags.map((tag) => ({ device, ...tag })));
  const columns = [
    gateway,
    tags.map((tag) => tag.device),
    tags.map((tag) => tag.tag),
    tags.map((tag) => tag.type),
    tags.map((tag) => storable(tag.unit)),
    tags.map((tag) => storable(tag.description)),
    tags.map((tag) => tag.minimum ?? null),
    tags.map((tag) => tag.maximum ?? null),
  ];
  await session.query(describeSeries, columns);
  await session.query(makeSeries, columns);
}

const storable = (text: string | undefined): string | null => text?.replaceAll('\u0000', '\ufffd') ?? null;

const saveDevices = `INSERT INTO device (gateway, device, protocol)
  SELECT DISTINCT ON (device) $1, device, protocol FROM unnest($2::text[], $3::text[]) AS born (device, protocol) ORDER BY device
  ON CONFLICT (gateway, device) DO UPDATE SET protocol = excluded.protocol WHERE device.protocol IS DISTINCT FROM excluded.protocol`;

const born = `(SELECT DISTINCT ON (device, tag) * FROM
  unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::float8[])
  AS born (device, tag, type, unit, description, minimum, maximum) ORDER BY device, tag) AS born`;

const describeSeries = `UPDATE series SET type = born.type, unit = born.unit, description = born.description,
    minimum = born.minimum, maximum = born.maximum, described = true
  FROM ${born}
  WHERE series.gateway = $1 AND series.device = born.device AND series.tag = born.tag
    AND (series.type, series.unit, series.description, series.minimum, series.maximum, series.described)
      IS DISTINCT FROM (born.type, born.unit, born.description, born.minimum, born.maximum, true)`;

const makeSeries = `INSERT INTO series (gateway, device, tag, type, unit, description, minimum, maximum, described)
  SELECT $1, device, tag, type, unit, description, minimum, maximum, true FROM ${born}
  WHERE NOT EXISTS (SELECT FROM series WHERE series.gateway = $1 AND series.device = born.device AND series.tag = born.tag)
  ON CONFLICT (gateway, device, tag) DO NOTHING`;
