import { migrate } from '../store/migrate.ts';
import { untilAvailable } from '../until-available.ts';
import { parseCommandArgs } from './arguments.ts';
import type { CommandParts } from './command.ts';

export const usage = `fieldline-ingest migrate --config FILE

Brings the database to the newest schema, and ends. Waits for a database that is away.
`;

/** @throws FieldlineError database/refused and whatever else retrying does not mend */
export async function run({ config, args, log, signal }: CommandParts): Promise<void> {
  parseCommandArgs(args, usage, {});
  const { edition, applied } = await untilAvailable({ log, signal }, () => migrate(config.database, log));
  log.info({ edition, applied }, applied.length === 0 ? 'the schema is up to date' : 'the schema was changed');
}
