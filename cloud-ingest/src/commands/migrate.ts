import { parseCommandArgs } from '@fieldline/shared/runtime/command-arguments';
import { describePlan } from '../store/describe-plan.ts';
import { migrate, planOf } from '../store/migrate.ts';
import { refusedFor } from '../store/migrations/rights.ts';
import { untilAvailable } from '../until-available.ts';
import type { CommandParts } from './command.ts';

export const usage = `fieldline-ingest migrate --config FILE [--dry-run]

Brings the database to the newest schema, and ends. Waits for a database that is away.

  --dry-run   changes nothing: prints what kind of database it is, from which version to which it would go, and every
              statement that would run, as a script for psql. Ends with 1 where the user lacks a right to run it.
`;

/** @throws FieldlineError database/refused and whatever else retrying does not mend */
export async function run({ config, args, clock, log, signal, say }: CommandParts): Promise<void> {
  const { values } = parseCommandArgs(args, usage, { 'dry-run': { type: 'boolean' } });
  if (values['dry-run'] === true) {
    const plan = await untilAvailable({ log, signal }, () => planOf(config.database, clock));
    say(describePlan(plan, config.database.schema));
    if (plan.grants.length > 0) throw refusedFor(plan.grants);
    return;
  }
  const { edition, applied } = await untilAvailable({ log, signal }, () => migrate(config.database, log, clock));
  log.info({ edition, applied }, applied.length === 0 ? 'the schema is up to date' : 'the schema was changed');
}
