#!/usr/bin/env node
/**
 * `fieldline-edge`. What a command needs is imported when it runs: the compile cache must be on before, it makes a start
 * three times as fast.
 */
import { statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import type { PlacedEdge } from '@fieldline/shared/config/load-edge';
import { endWithoutReader } from '@fieldline/shared/runtime/end-without-reader';
import type { FieldParts } from './commands/field-parts.ts';

const usage = `Usage: fieldline-edge <command> --config <file>

  run       reads the devices of the settings file, journals and publishes until it is stopped
  validate  checks the settings file: every problem with file, line and column, or a summary
  plan      which requests will be sent, how busy the links will be, how much will be stored; nothing is sent
  read      tags of a device, or registers, or nodes, once: raw, decoded, and how long it took
  browse    what an OPC UA server has, as a tree, or as tags for the settings
  limits    how much an OPC UA server takes at once: what it states, and what it does
  probe     what a block of registers may mean: every reading, the most plausible first
  scan      which units are on a bus, and who they are
  tags      export or import: the tags of a Modbus device as a list for a spreadsheet
  discover  which endpoints an OPC UA server offers, how they are secured, and which one the agent would take
  certs     list, trust or reject: the certificates of OPC UA servers
  journal   status, verify or export: looks into the journal and changes nothing; its own --help says more
  profiles  list or show: the kinds of Modbus devices whose registers the agent knows; needs no settings file
  sunspec   asks a SunSpec device what it has and writes a profile of it; its own --help says more

  --config <file>  the settings file (YAML); relative paths in it are relative to it
  --help           this text
`;

/**
 * V8's young generation stays at 1 MB, and the old one of a small plant is collected when it has grown by a third. Else a plant of 15,000
 * tags takes 100 MB more and a small one 16 MB, for garbage that could have been collected; it takes more CPU time to do so. One thread collects
 * 1 MB: to wake others for it and wait for them took thrice as long on a busy machine. What outlives the young generation while the
 * first samples come is no sign of what will: on that sign V8 made all samples old from the start, for its dearest collection to find. An agent that rests
 * between two turns is no program that has come to rest: V8 collected all of it every second for that.
 */
const smallHeap = [
  '--semi-space-growth-factor=1',
  '--optimize-for-size',
  '--no-parallel-scavenge',
  '--no-allocation-site-pretenuring',
  '--no-memory-reducer',
];
/** A small plant needs little time: code is compiled once it has run often, without the stages between (12 MB less). */
const littleCode = ['--no-sparkplug', '--no-maglev'];
/** Code as V8 begins with; and the heap grows by more before it is collected, which took a quarter of the CPU time. */
const largePlant = ['--sparkplug', '--maglev', '--heap-growing-percent=70'];
const mostTagsOfSmall = 2_000;
/** So large a file is no small plant: reading it makes so much garbage that a small heap would cost a quarter of the start. */
const largeFileBytes = 128 * 1_024;

const setFlags = (flags: readonly string[]): void => {
  for (const flag of flags) setFlagsFromString(flag);
};

/** 0 where there is none: whoever reads it says so. */
const sizeBytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

type Command = (file: string) => Promise<void>;

const commands: ReadonlyMap<string, Command> = new Map([
  ['run', run],
  ['validate', validate],
]);

async function run(file: string): Promise<void> {
  const runtime = await import('@fieldline/shared/runtime');
  await runtime.runProgram(async (signal) => {
    const config = await loadSettings(file);
    const { withFoundTags } = await import('./commands/found-tags.ts');
    const isSmall = tagsOf(withFoundTags(file, config)) <= mostTagsOfSmall;
    setFlags([...smallHeap, ...(isSmall ? littleCode : largePlant)]);
    const log = runtime.createLog('fieldline-edge', config.log.level);
    const { runAgent } = await import('./run-agent.ts');
    const configFolder = dirname(resolve(file));
    await runAgent(config, { clock: runtime.systemClock, log, configFolder }, signal);
  });
}

/** From the modules that have to do with it: those of the cloud and of the simulators stay out of the gateway's memory. */
async function loadSettings(file: string): Promise<EdgeConfig> {
  return (await readSettings(file)).config;
}

async function readSettings(file: string): Promise<PlacedEdge> {
  const [{ readEdgeConfig }, { profilesFolder }] = await Promise.all([
    import('@fieldline/shared/config/load-edge'),
    import('./profiles-folder.ts'),
  ]);
  return readEdgeConfig(file, profilesFolder);
}

const tagsOf = ({ devices }: EdgeConfig): number => devices.reduce((sum, { tags }) => sum + tags.length, 0);

async function validate(file: string): Promise<void> {
  const { runProgram } = await import('@fieldline/shared/runtime');
  await runProgram(async () => {
    const { validate: check } = await import('./commands/validate/validate.ts');
    process.stdout.write(`${check(file, await readSettings(file)).join('\n')}\n`);
  });
}

async function journal(args: readonly string[]): Promise<void> {
  const { runProgram, systemClock } = await import('@fieldline/shared/runtime');
  await runProgram(async (signal) => {
    const [{ run }, { resolvePaths }] = await Promise.all([
      import('./commands/journal/command.ts'),
      import('./resolve-paths.ts'),
    ]);
    await run({
      args,
      loadSettings: async (file) => resolvePaths(await loadSettings(file), dirname(resolve(file))),
      clock: systemClock,
      signal,
      say: (line) => void process.stdout.write(`${line}\n`),
    });
  });
}

async function profiles(args: readonly string[]): Promise<void> {
  const { runProgram } = await import('@fieldline/shared/runtime');
  await runProgram(async () => {
    const [{ run }, { profilesFolder }] = await Promise.all([
      import('./commands/profiles/command.ts'),
      import('./profiles-folder.ts'),
    ]);
    run({
      args,
      profilesFolder,
      workingFolder: process.cwd(),
      say: (line) => void process.stdout.write(`${line}\n`),
    });
  });
}

async function sunspec(args: readonly string[]): Promise<void> {
  const { runProgram, systemClock } = await import('@fieldline/shared/runtime');
  await runProgram(async (signal) => {
    const [{ run }, { sunspecFolder }] = await Promise.all([
      import('./commands/sunspec/command.ts'),
      import('./profiles-folder.ts'),
    ]);
    await run({
      args,
      modelsFolder: sunspecFolder,
      workingFolder: process.cwd(),
      clock: systemClock,
      signal,
      say: (line) => void process.stdout.write(`${line}\n`),
    });
  });
}

/** Those that a technician at the device runs: they read their own arguments, and all are called alike. */
const byHand = (load: () => Promise<{ readonly run: (parts: FieldParts) => Promise<void> }>) =>
  async function runByHand(args: readonly string[]): Promise<void> {
    const { runProgram, systemClock } = await import('@fieldline/shared/runtime');
    await runProgram(async (signal) => {
      const { run: runCommand } = await load();
      await runCommand({
        args,
        readSettings,
        clock: systemClock,
        signal,
        say: (line) => void process.stdout.write(`${line}\n`),
        progress: (line) => void process.stderr.write(`${line}\n`),
      });
    });
  };

/** Those that read their own arguments. */
const commandsWithArguments: ReadonlyMap<string, (args: readonly string[]) => Promise<void>> = new Map([
  ['journal', journal],
  ['profiles', profiles],
  ['sunspec', sunspec],
  ['plan', byHand(() => import('./commands/plan/command.ts'))],
  ['read', byHand(() => import('./commands/read/command.ts'))],
  ['browse', byHand(() => import('./commands/browse/command.ts'))],
  ['limits', byHand(() => import('./commands/limits/command.ts'))],
  ['probe', byHand(() => import('./commands/probe/command.ts'))],
  ['scan', byHand(() => import('./commands/scan/command.ts'))],
  ['tags', byHand(() => import('./commands/tags/command.ts'))],
  ['discover', byHand(() => import('./commands/discover/command.ts'))],
  ['certs', byHand(() => import('./commands/certs/command.ts'))],
]);

function wrongUse(problem: string): void {
  process.stderr.write(`${problem}\n\n${usage}`);
  process.exitCode = 2;
}

async function wrongWords(
  name: string | undefined,
  [word = '']: readonly string[],
  isMissing: boolean,
): Promise<string> {
  if (name === undefined) return 'a command is missing';
  if (commands.has(name))
    return `${JSON.stringify(word)} stands behind no option: ${isMissing ? `is it --config ${word}?` : 'leave it out'}`;
  const { unknownWord } = await import('@fieldline/shared/runtime/command-arguments');
  return unknownWord(name, '', [...commands.keys(), ...commandsWithArguments.keys()]);
}

async function main(args: string[]): Promise<void> {
  const withArguments = commandsWithArguments.get(args[0] ?? '');
  if (withArguments !== undefined) {
    enableCompileCache();
    await withArguments(args.slice(1));
    return;
  }
  let parsed: { values: { config?: string; help?: boolean }; positionals: string[] };
  const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    const { argumentTrouble } = await import('@fieldline/shared/runtime/command-arguments');
    wrongUse(argumentTrouble(error, options));
    return;
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const [name, ...rest] = positionals;
  const command = name === undefined ? undefined : commands.get(name);
  if (command === undefined || rest.length > 0) {
    wrongUse(await wrongWords(name, rest, values.config === undefined));
    return;
  }
  if (values.config === undefined || values.config === '') {
    wrongUse('--config is missing: the settings file, such as --config edge.yaml');
    return;
  }
  enableCompileCache();
  if (sizeBytesOf(values.config) < largeFileBytes) setFlags([...smallHeap, ...littleCode]);
  await command(values.config);
}

endWithoutReader();
// Not awaited here: bundled, what it imports may import this file, and would wait for it in turn.
void main(process.argv.slice(2));
