import type { Migration } from './migration.ts';

/**
 * What is known of a series, valid in time: `series_version` has what was stated, by whom and from when it holds; `series`
 * keeps what holds at present. Each change of the registry is one epoch, and one at a time is made, so that whoever knows an
 * epoch knows all changes up to it.
 */
export const registry: Migration = {
  version: 4,
  name: 'registry',
  statements: () => [
    'ALTER TABLE series ADD COLUMN scale float8 NOT NULL DEFAULT 1, ADD COLUMN value_offset float8 NOT NULL DEFAULT 0',
    'CREATE TABLE registry (epoch int8 NOT NULL)',
    'INSERT INTO registry VALUES (1)',
    `CREATE TABLE series_version (
       epoch int8 NOT NULL,
       series_id int4 NOT NULL,
       valid_from timestamptz NOT NULL,
       stated_at timestamptz NOT NULL DEFAULT now(),
       origin text NOT NULL CHECK (origin IN ('birth', 'operator')),
       stated jsonb NOT NULL,
       released text[] NOT NULL DEFAULT '{}',
       note text,
       PRIMARY KEY (epoch, series_id, origin))`,
    'CREATE INDEX series_version_of_series ON series_version (series_id, valid_from)',
    `INSERT INTO series_version (epoch, series_id, valid_from, origin, stated)
       SELECT 1, series_id, '-infinity', 'birth', jsonb_build_object('type', type, 'unit', unit, 'description', description, 'minimum', minimum, 'maximum', maximum)
       FROM series WHERE described`,
  ],
};
