#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { type IngestConfig, ingestSchema, loadConfig } from '@fieldline/shared/config';
import { createLog, runProgram, systemClock, untilAborted } from '@fieldline/shared/runtime';
import { isRole, type Role, roles, runMigrate, startRole } from './roles.ts';

const usage = `fieldline-ingest: from the MQTT broker to the database, and out again

usage: fieldline-ingest <role> --config FILE
       fieldline-ingest validate --config FILE

roles:
${Object.entries(roles)
  .map(([role, what]) => `  ${role.padEnd(11)}${what}`)
  .join('\n')}
  ${'validate'.padEnd(11)}checks the settings file and ends

options:
  --config FILE  settings (YAML); the README of cloud-ingest lists them all
  --help         this text
`;

type Command = { readonly role: Role | 'validate'; readonly file: string };

/** A string is what is wrong with the arguments. */
function commandOf(args: readonly string[]): Command | 'help' | { readonly wrong: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return 'help';
    const [role, ...rest] = positionals;
    if (role === undefined) return { wrong: 'which role?' };
    if (rest.length > 0) return { wrong: `one role at a time, not also ${rest.join(', ')}` };
    if (role !== 'validate' && !isRole(role)) return { wrong: `there is no role ${role}` };
    if (values.config === undefined) return { wrong: 'which settings? --config FILE' };
    return { role, file: values.config };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

async function run({ role, file }: Command, signal: AbortSignal): Promise<void> {
  const config: IngestConfig = loadConfig(ingestSchema, file);
  if (role === 'validate') {
    process.stdout.write(`${file}: the settings are valid\n`);
    return;
  }
  const log = createLog('fieldline-ingest', config.log.level);
  const parts = { config, clock: systemClock, log, signal };
  if (role === 'migrate') return runMigrate(parts);
  const running = await startRole(role, parts);
  try {
    await Promise.race([untilAborted(signal), running.done]);
    log.info('stopping');
  } finally {
    await running.close();
  }
}

const command = commandOf(process.argv.slice(2));
if (command === 'help') {
  process.stdout.write(usage);
} else if ('wrong' in command) {
  process.stderr.write(`${command.wrong}\n\n${usage}`);
  process.exitCode = 2;
} else {
  await runProgram(async (signal) => {
    try {
      await run(command, signal);
    } catch (error) {
      // A start that was told to stop while it waited is no failure.
      if (!signal.aborted) throw error;
    }
  });
}
