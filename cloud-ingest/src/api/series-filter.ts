/** Which series a list is about: shared by tags, latest values and the live feed. */
import { z } from 'zod';
import { deviceParameter, gatewayParameter, pageParameters, textParameter } from './parameters.ts';

export const seriesFilterShape = {
  gateway: gatewayParameter.optional(),
  device: deviceParameter.optional(),
  text: textParameter.optional(),
};

export const seriesListQuery = z.strictObject({ ...seriesFilterShape, ...pageParameters });
export type SeriesListQuery = z.output<typeof seriesListQuery>;

/** Order of all lists of series; `after` is the three names of the last one, and no name has a slash in it. */
export const seriesOrder = 'order by s.gateway, s.device, s.tag';
export const seriesCursor = (row: { gateway: string; device: string; tag: string }): string =>
  `${row.gateway}/${row.device}/${row.tag}`;

/** Expects the five parameters of `seriesFilterValues`, and `series` under the name s. */
export const seriesFilterSql = `
  ($1::text is null or s.gateway = $1)
  and ($2::text is null or s.device = $2)
  and ($3::text is null or s.device ilike $3 or s.tag ilike $3 or s.description ilike $3)
  and ($4::text is null or (s.gateway, s.device, s.tag) > (split_part($4, '/', 1), split_part($4, '/', 2), split_part($4, '/', 3)))`;

export const seriesFilterValues = ({ gateway, device, text, after, limit }: SeriesListQuery): unknown[] => [
  gateway ?? null,
  device ?? null,
  text === undefined ? null : `%${text.replace(/[\\%_]/g, '\\$&')}%`,
  after ?? null,
  limit + 1,
];
