/** A small plant in the database: two gateways, one of them lost, with history, losses and dead letters. */
import { fromRaw, fromRollup, rollupColumns } from '../../src/store/migrations/rollup-levels.ts';
import type { Sql } from './fixture.ts';

export const streams = {
  first: '11111111-1111-4111-8111-111111111111',
  second: '22222222-2222-4222-8222-222222222222',
  lost: '33333333-3333-4333-8333-333333333333',
};

type TagRow = [
  device: string,
  tag: string,
  type: string,
  unit: string | null,
  description: string,
  min: number | null,
  max: number | null,
];

const pump = (device: string, text: string): TagRow[] => [
  [device, 'pump-1.speed', 'uint16', 'rpm', `${text}: pump 1 speed`, 0, 3000],
  [device, 'pump-1.current', 'float32', 'A', `${text}: pump 1 motor current`, 0, 63],
  [device, 'pump-1.running', 'bool', null, `${text}: pump 1 running`, null, null],
  [device, 'pump-1.starts', 'uint32', null, `${text}: pump 1 starts since commissioning`, null, null],
  [device, 'pump-1.bearing-temperature', 'int16', '°C', `${text}: pump 1 drive-end bearing`, 0, 120],
  [device, 'pump-2.speed', 'uint16', 'rpm', `${text}: pump 2 speed`, 0, 3000],
  [device, 'pump-2.current', 'float32', 'A', `${text}: pump 2 motor current`, 0, 63],
  [device, 'pump-2.running', 'bool', null, `${text}: pump 2 running`, null, null],
  [device, 'level', 'float32', 'm', `${text}: level`, 0, 6],
  [device, 'inflow', 'float32', 'm³/h', `${text}: inflow`, 0, 500],
  [device, 'outflow', 'float32', 'm³/h', `${text}: outflow`, 0, 500],
  [device, 'pressure', 'float32', 'bar', `${text}: discharge pressure`, 0, 16],
];

export const tags: TagRow[] = [
  ...pump('plc-wet-well', 'wet well'),
  ...pump('plc-booster', 'booster'),
  ['meter-main', 'voltage-l1', 'float32', 'V', 'voltage L1–N', 207, 253],
  ['meter-main', 'voltage-l2', 'float32', 'V', 'voltage L2–N', 207, 253],
  ['meter-main', 'voltage-l3', 'float32', 'V', 'voltage L3–N', 207, 253],
  ['meter-main', 'power', 'float32', 'kW', 'active power', 0, 250],
  ['meter-main', 'frequency', 'float32', 'Hz', 'grid frequency', 49, 51],
  ['meter-main', 'energy-import', 'uint64', 'Wh', 'energy taken since commissioning', null, null],
  ['line-opcua', 'recipe', 'string', null, 'recipe that runs', null, null],
  ['line-opcua', 'belt-speed', 'float64', 'm/s', 'belt speed', 0, 2.5],
  ['line-opcua', 'oven.zone-1', 'float64', '°C', 'oven, zone 1', 0, 300],
  ['line-opcua', 'oven.zone-2', 'float64', '°C', 'oven, zone 2', 0, 300],
  ['line-opcua', 'pieces', 'int64', null, 'pieces made', null, null],
];

const badDevice = 'line-opcua';

export async function seedPlant(sql: Sql): Promise<void> {
  await sql(`insert into gateway (gateway, first_seen, online, state, state_at, birth_at) values
    ('pump-station', now() - interval '40 days', true, '{"reason":"running","agent":"0.1.0","confirm":"cloud","clock":"synchronised"}', now(), now()),
    ('remote-reservoir', now() - interval '12 days', false, '{"reason":"lost","agent":"0.1.0","confirm":"cloud","clock":"unknown"}', now() - interval '4 minutes', now())`);
  for (const [gateway, device, protocol] of [
    ['pump-station', 'plc-wet-well', 'modbus'],
    ['pump-station', 'plc-booster', 'modbus'],
    ['pump-station', 'meter-main', 'modbus'],
    ['pump-station', 'line-opcua', 'opcua'],
    ['remote-reservoir', 'plc-reservoir', 'modbus'],
  ]) {
    await sql('insert into device values ($1, $2, $3)', [gateway, device, protocol]);
  }
  const series =
    'insert into series (gateway, device, tag, type, unit, description, minimum, maximum, described) values ($1, $2, $3, $4, $5, $6, $7, $8, true)';
  for (const row of tags) await sql(series, ['pump-station', ...row]);
  for (const row of pump('plc-reservoir', 'reservoir')) await sql(series, ['remote-reservoir', ...row]);
  await seedLedger(sql);
  await seedSamples(sql);
}

async function seedLedger(sql: Sql): Promise<void> {
  await sql(
    `insert into stream (stream, gateway, class, previous, previous_last_seq, first_received_at, last_received_at, last_seq, read, filtered,
       counted_seq, committed, declared, dead, held, samples, stored, rejected, declared_samples, duplicate_batches, duplicate_samples) values
     ($1, 'pump-station', 'process', null, null, now() - interval '3 days', now() - interval '1 day', 1000, 500000, 380000, 1000, '{[1,900),[911,1001)}', '{[900,910)}', '{[910,911)}', '{}', 119000, 118990, 10, 1000, 12, 1440),
     ($2, 'pump-station', 'process', $1, 1000, now() - interval '1 day', now(), 1840, 920400, 699820, 1840, '{[1,1838)}', '{}', '{}', '{[1838,1841)}', 220244, 220244, 0, 0, 3, 360),
     ($3, 'remote-reservoir', 'alarm', null, null, now() - interval '2 days', now() - interval '4 minutes', 520, 60000, 41000, 520, '{[1,501),[503,518)}', '{}', '{}', '{[518,521)}', 18800, 18800, 0, 0, 0, 0)`,
    [streams.first, streams.second, streams.lost],
  );
  await sql(
    `insert into declaration (stream_no, seq, kind, target_stream, from_seq, to_seq, samples, reason, declared_at)
     values (1, 950, 'batches', $1, 900, 909, 1000, 'disk-bound', now() - interval '1 day')`,
    [streams.first],
  );
  await sql(`insert into declaration (stream_no, seq, kind, device, tag, from_time, to_time, samples, reason, declared_at)
     values (2, 1, 'series', 'plc-booster', null, now() - interval '1 day', now() - interval '23 hours', null, 'restart', now() - interval '1 day')`);
  await sql(
    `insert into anomaly (at, gateway, kind, details) values (now() - interval '5 hours', 'remote-reservoir', 'forked-stream', '{"seq": 417}')`,
  );
  await sql(`insert into dead_letter (received_at, gateway, stage, code, reason, topic, partition, record_offset, position, bytes, headers) values
    (now() - interval '2 hours', 'pump-station', 'decode', 'batch/malformed', 'Unexpected end of JSON input', 'fieldline/pump-station/batch', 0, 4711, null, '\\x7b2276223a312c', '{"qos":"1"}'),
    (now() - interval '1 hours', 'pump-station', 'decode', 'batch/foreign-gateway', 'topic says pump-station, payload says other', 'fieldline/pump-station/batch', 0, 4812, null, '\\x7b7d', '{}'),
    (now() - interval '3 minutes', 'pump-station', 'decode', 'sample/time-out-of-window', 'plc-booster/level: 2038-01-19 is 12 years ahead', 'fieldline/pump-station/batch', 0, 4990, 17, '\\x00ff', '{}')`);
}

/** A value of each type as a function of the series and the time, in SQL: what the rows hold is known beforehand. */
export const valueSql = `case s.type
  when 'bool' then (mod(s.series_id + floor(extract(epoch from t) / 900)::int8, 4) <> 0)::int::float8
  when 'uint32' then floor(extract(epoch from t) / 900)
  when 'uint64' then 18446744073709551615
  when 'int64' then 9007199254740993
  else round((coalesce(s.minimum, 0) + (coalesce(s.maximum, 100) - coalesce(s.minimum, 0))
    * (0.52 + 0.3 * sin(extract(epoch from t) / (600.0 + 40 * s.series_id)) + 0.04 * sin(extract(epoch from t) / 7.0 + s.series_id)
    + 0.05 * sin(extract(epoch from t) / 93.0)))::numeric, 2)::float8 end`;
export const textSql = `case s.type when 'uint64' then '18446744073709551615' when 'int64' then '9007199254740993'
  when 'string' then 'Recipe ' || chr(65 + mod(floor(extract(epoch from t) / 1800)::int8, 4)::int) end`;

async function seedSamples(sql: Sql): Promise<void> {
  // A day of the booster's level every 5 s, with a bad quarter of an hour; ten minutes of everything else every 2 s.
  await sql(`insert into sample (time, series_id, value, text, quality, batch)
    select t, s.series_id, case when bad then null else ${valueSql} end, case when bad then null else ${textSql} end,
      case when bad then 202 else 0 end, 2::int8 << 32 | 100
    from series s
    cross join lateral generate_series(date_trunc('minute', now()) - case when s.device = 'plc-booster' and s.tag in ('level', 'pump-1.speed') then interval '24 hours' else interval '10 minutes' end,
      now(), case when s.device = 'plc-booster' then interval '5 seconds' else interval '2 seconds' end) t
    cross join lateral (select s.device = 'plc-booster' and t between now() - interval '195 minutes' and now() - interval '180 minutes' as bad) b
    where s.gateway = 'pump-station' or t < now() - interval '4 minutes'`);
  await sql(`update sample set value = null where text like 'Recipe%'`);
  await sql(`insert into latest (series_id, time, value, text, quality, batch, updated_at)
    select distinct on (series_id) series_id, time, value, text, quality, batch, now() from sample order by series_id, time desc`);
  await keepRollups(sql);
  await sql(
    `update latest set value = null, text = null, quality = 201 where series_id in
    (select series_id from series where device = $1 and tag like 'oven%')`,
    [badDevice],
  );
  await sql(
    `update latest set quality = 103 where series_id = (select series_id from series where device = 'meter-main' and tag = 'frequency')`,
  );
}

/** The roll-ups of all samples that are there, as the maintenance of the store keeps them. */
export async function keepRollups(sql: Sql): Promise<void> {
  await sql(
    `insert into rollup_1m (${rollupColumns}) select date_trunc('minute', time) as bucket, series_id, ${fromRaw('own')} from sample group by 1, 2`,
  );
  for (const [level, of, unit] of [
    ['1h', '1m', 'hour'],
    ['1d', '1h', 'day'],
  ]) {
    await sql(`insert into rollup_${level} (${rollupColumns})
      select date_trunc('${unit}', bucket) as bucket, series_id, ${fromRollup('own').replaceAll('bucket', `rollup_${of}.bucket`)} from rollup_${of} group by 1, 2`);
  }
}

/** One turn of the processor: new samples of a gateway's devices, the ledger and the notification, in one transaction. */
export async function tick(sql: Sql, device: string | null = null, badQuality: number | null = null): Promise<void> {
  await sql(
    `with fresh as (
       insert into sample (time, series_id, value, text, quality, batch)
       select t, s.series_id, case when $2::int2 is not null or s.type = 'string' then null else ${valueSql} end,
         case when $2::int2 is not null then null else ${textSql} end, coalesce($2::int2, 0), 2::int8 << 32 | 1841
       from series s cross join (select clock_timestamp() as t) now
       where s.gateway = 'pump-station' and ($1::text is null or s.device = $1) returning *
     ), touched as (
       insert into touched_1m select distinct date_trunc('minute', time) from fresh
     ), moved as (
       insert into latest (series_id, time, value, text, quality, batch, updated_at)
       select series_id, time, value, text, quality, batch, now() from fresh
       on conflict (series_id) do update set time = excluded.time, value = excluded.value, text = excluded.text,
         quality = excluded.quality, batch = excluded.batch, updated_at = excluded.updated_at returning 1
     ), counted as (
       update stream set read = read + 40 + (select count(*) from fresh), filtered = filtered + 40, last_seq = last_seq + 1, last_received_at = now(),
         samples = samples + (select count(*) from fresh), stored = stored + (select count(*) from fresh),
         committed = committed + int8multirange(int8range(last_seq - 2, last_seq - 1)),
         held = int8multirange(int8range(last_seq - 1, last_seq + 2))
       where stream_no = 2 returning 1
     ) select pg_notify('fieldline_commit', ''), (select count(*) from moved), (select count(*) from counted)`,
    [device, badQuality],
  );
}
