import { nameOf } from './edition.ts';
import type { MigrationPlan } from './migration-plan.ts';
import { newestVersion } from './migrations/index.ts';

/** A plan as a script for psql: what is to be known of it stands in comments. Running it does what `migrate` would. */
export function describePlan({ server, edition, version, steps, notes }: MigrationPlan, schema: string): string {
  const timescale = server.timescale === null ? 'without TimescaleDB' : `TimescaleDB ${server.timescale}`;
  const head = [
    `server: PostgreSQL ${server.postgres}, ${timescale}`,
    `edition: ${nameOf(edition)}${server.lacksExtension ? ' (told for sure when the extension is there)' : ''}`,
    version === newestVersion
      ? `schema ${schema}: at version ${version}, the newest`
      : `schema ${schema}: at version ${version}, would go to ${newestVersion}`,
    ...notes,
    ...(steps.length === 0 ? ['nothing would be changed'] : []),
  ];
  const session = steps.length === 0 ? [] : ['', `SET search_path = ${schema}, public;`, "SET timezone = 'UTC';"];
  return [
    ...head.map((line) => `-- ${line}`),
    ...session,
    ...steps.flatMap(({ title, statements }) => [
      '',
      `-- ${title}`,
      'BEGIN;',
      ...statements.map((statement) => `${tidy(statement)};`),
      'COMMIT;',
    ]),
  ].join('\n');
}

/** The statements are indented as our source is. */
const tidy = (statement: string): string =>
  statement
    .trim()
    .split('\n')
    .map((line, n) => (n === 0 ? line : `  ${line.trim()}`))
    .join('\n');
