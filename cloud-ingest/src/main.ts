#!/usr/bin/env node
import { dirname } from 'node:path';
import { type IngestConfig, ingestSchema, loadConfig } from '@fieldline/shared/config';
import { createLog, endWithoutReader, runProgram, systemClock, untilAborted } from '@fieldline/shared/runtime';
import { type Invocation, invocationOf, usage } from './command-line.ts';
import { commands } from './commands/index.ts';
import { describeSettings } from './describe-settings.ts';
import { resolvePaths } from './resolve-paths.ts';
import type { Role } from './role.ts';
import type { RoleParts } from './roles.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function run(invocation: Invocation, signal: AbortSignal): Promise<void> {
  const { file } = invocation;
  if ('command' in invocation && (file === null || isHelp(invocation.args))) {
    say((await commands[invocation.command].load()).usage);
    return;
  }
  if (file === null) return;
  const config: IngestConfig = resolvePaths(loadConfig(ingestSchema, file), dirname(file));
  const log = createLog('fieldline-ingest', config.log.level);
  const parts = { config, clock: systemClock, log, signal };
  if ('command' in invocation) {
    const command = await commands[invocation.command].load();
    await command.run({ ...parts, args: invocation.args, callOf: (name) => callOf(name, file), say });
  } else if (invocation.role === 'validate') {
    say(`${file} is valid`);
    for (const line of describeSettings(config)) say(line);
  } else {
    await runRole(invocation.role, parts);
  }
}

async function runRole(role: Role, parts: RoleParts): Promise<void> {
  const { log, signal } = parts;
  // Only now: help, validate and commands do without brokers and pages.
  const { startRole } = await import('./roles.ts');
  const running = await startRole(role, parts).catch((error: unknown) => {
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

/** As it was called itself: from a checkout, npx finds the program. */
const callOf = (command: string, file: string): string => {
  const program = process.env.npm_command === 'exec' ? 'npx fieldline-ingest' : 'fieldline-ingest';
  return `${program} ${command} --config ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`}`;
};

const isHelp = (args: readonly string[]): boolean => args.includes('--help') || args.includes('-h');

endWithoutReader();
const invocation = invocationOf(process.argv.slice(2));
if (invocation === 'help') {
  process.stdout.write(usage);
} else if ('wrong' in invocation) {
  process.stderr.write(`${invocation.wrong}\n\n${usage}`);
  process.exitCode = 2;
} else {
  await runProgram((signal) => run(invocation, signal));
}
