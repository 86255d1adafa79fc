#!/usr/bin/env node
/**
 * `fieldline-edge`. What a command needs is imported when it runs: the compile cache must be on before, it makes a start
 * three times as fast.
 */
import { enableCompileCache } from 'node:module';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';

const usage = `Usage: fieldline-edge <command> --config <file>

  run       reads the devices of the settings file, journals and publishes until it is stopped
  validate  checks the settings file: every problem with file, line and column, or a summary

  --config <file>  the settings file (YAML); relative paths in it are relative to it
  --help           this text
`;

type Command = (file: string) => Promise<void>;

const commands: ReadonlyMap<string, Command> = new Map([
  ['run', run],
  ['validate', validate],
]);

async function run(file: string): Promise<void> {
  const [{ edgeSchema, loadConfig }, runtime] = await Promise.all([
    import('@fieldline/shared/config'),
    import('@fieldline/shared/runtime'),
  ]);
  await runtime.runProgram(async (signal) => {
    const config = loadConfig(edgeSchema, file);
    const log = runtime.createLog('fieldline-edge', config.log.level);
    const { startAgent } = await import('./agent.ts');
    const agent = await startAgent(config, {
      clock: runtime.systemClock,
      log,
      metrics: runtime.createMetrics(),
      health: runtime.createHealth(),
      configFolder: dirname(resolve(file)),
    });
    await runtime.untilAborted(signal);
    log.info('stopping');
    await agent.close();
  });
}

async function validate(file: string): Promise<void> {
  const [{ edgeSchema, loadConfig }, { runProgram }] = await Promise.all([
    import('@fieldline/shared/config'),
    import('@fieldline/shared/runtime'),
  ]);
  await runProgram(async () => {
    const { gateway, devices, uplink, journal } = loadConfig(edgeSchema, file);
    const tags = devices.reduce((sum, device) => sum + device.tags.length, 0);
    const rows = devices.map(({ device, protocol, tags }) => `  ${device}: ${protocol}, ${tags.length} tags`);
    process.stdout.write(
      `${file} is valid\n  gateway ${gateway} publishes to ${uplink.broker}, journal in ${journal.folder}\n` +
        `${rows.join('\n')}\n  ${devices.length} devices, ${tags} tags\n`,
    );
  });
}

function wrongUse(problem: string): void {
  process.stderr.write(`${problem}\n\n${usage}`);
  process.exitCode = 2;
}

async function main(args: string[]): Promise<void> {
  let parsed: { values: { config?: string; help?: boolean }; positionals: string[] };
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const;
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    wrongUse(error instanceof Error ? error.message : String(error));
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
    wrongUse(name === undefined ? 'a command is missing' : `unknown: ${positionals.join(' ')}`);
    return;
  }
  if (values.config === undefined) {
    wrongUse('--config is missing');
    return;
  }
  enableCompileCache();
  // The young generation stays small: 16 MB less on the gateway, and no more work for the collector at 40,000 samples/s.
  setFlagsFromString('--semi-space-growth-factor=1');
  await command(values.config);
}

await main(process.argv.slice(2));
