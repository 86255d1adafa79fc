/** The plant of deploy/examples in the database, as `npm start` leaves it: every tag described, and ten minutes of samples. */
import { join } from 'node:path';
import { loadEdgeConfig } from '@fieldline/shared/config';
import type { Sql } from './fixture.ts';
import { keepRollups, textSql, valueSql } from './plant.ts';

const settings = join(import.meta.dirname, '../../../deploy/examples/pumping-station/edge.yaml');
const profiles = join(import.meta.dirname, '../../../edge-agent/profiles');

export const { gateway, devices } = loadEdgeConfig(settings, profiles);

export async function seedShippedPlant(sql: Sql): Promise<void> {
  await sql(
    `insert into gateway (gateway, first_seen, online, state, state_at, birth_at)
     values ($1, now() - interval '1 day', true, '{"reason":"running","agent":"0.1.0","confirm":"cloud","clock":"synchronised"}', now(), now())`,
    [gateway],
  );
  for (const { device, protocol, tags } of devices) {
    await sql('insert into device values ($1, $2, $3)', [gateway, device, protocol]);
    for (const { tag, type, unit, description, minimum, maximum } of tags) {
      await sql(
        'insert into series (gateway, device, tag, type, unit, description, minimum, maximum, described) values ($1, $2, $3, $4, $5, $6, $7, $8, true)',
        [gateway, device, tag, type, unit, description, minimum, maximum],
      );
    }
  }
  await sql(`insert into sample (time, series_id, value, text, quality, batch)
    select t, s.series_id, case s.type when 'string' then null else ${valueSql} end, ${textSql}, 0, 1::int8 << 32 | 1
    from series s cross join generate_series(now() - interval '10 minutes', now(), interval '5 seconds') t`);
  await sql(`insert into latest (series_id, time, value, text, quality, batch, updated_at)
    select distinct on (series_id) series_id, time, value, text, quality, batch, now() from sample order by series_id, time desc`);
  await keepRollups(sql);
}
