#!/usr/bin/env node
import { dirname } from 'node:path';
import { type IngestConfig, ingestSchema, loadConfig } from '@fieldline/shared/config';
import { createLog, runProgram, systemClock, untilAborted } from '@fieldline/shared/runtime';
import { type Command, commandOf, usage } from './command-line.ts';
import { resolvePaths } from './resolve-paths.ts';

async function run({ role, file }: Command, signal: AbortSignal): Promise<void> {
  const config: IngestConfig = resolvePaths(loadConfig(ingestSchema, file), dirname(file));
  if (role === 'validate') {
    process.stdout.write(`${file}: the settings are valid\n`);
    return;
  }
  // Only now: help and validate do without databases, brokers and pages.
  const { runMigrate, startRole } = await import('./roles.ts');
  const log = createLog('fieldline-ingest', config.log.level);
  const parts = { config, clock: systemClock, log, signal };
  const starting = role === 'migrate' ? runMigrate(parts) : startRole(role, parts);
  const running = await starting.catch((error: unknown) => {
    // A start that was told to stop while it waited is no failure.
    if (!signal.aborted) throw error;
  });
  if (running === undefined) return;
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
  await runProgram((signal) => run(command, signal));
}
