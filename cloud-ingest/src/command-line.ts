import { parseArgs } from 'node:util';
import { type CommandName, commands, isCommand } from './commands/index.ts';
import { isRole, type Role, roles } from './role.ts';

const list = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, what]) => `  ${name.padEnd(14)}${what}`)
    .join('\n');

export const usage = `fieldline-ingest: from the MQTT broker to the database, and out again

usage: fieldline-ingest <role> --config FILE
       fieldline-ingest <command> --config FILE …

roles:
${list(roles)}

commands:
${list({ ...Object.fromEntries(Object.entries(commands).map(([name, { what }]) => [name, what])), validate: 'checks the settings file and ends' })}

options:
  --config FILE  settings (YAML); the README of cloud-ingest lists them all
  --help         this text; after a command, that of the command
`;

export type Invocation =
  | { readonly role: Role | 'validate'; readonly file: string }
  /** `args` are those of the command itself. `file` is null only where help is wanted. */
  | { readonly command: CommandName; readonly args: readonly string[]; readonly file: string | null };

/** A string is what is wrong with the arguments. */
export function invocationOf(args: readonly string[]): Invocation | 'help' | { readonly wrong: string } {
  const [name, ...rest] = args;
  if (name !== undefined && isCommand(name)) return commandOf(name, rest);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return 'help';
    const [role, ...more] = positionals;
    if (role === undefined) return { wrong: 'which role?' };
    if (isCommand(role)) return { wrong: `${role} comes first: fieldline-ingest ${role} …` };
    if (more.length > 0) return { wrong: `one role at a time, not also ${more.join(', ')}` };
    if (role !== 'validate' && !isRole(role)) return { wrong: `there is no role or command ${role}` };
    if (values.config === undefined) return { wrong: 'which settings? --config FILE' };
    return { role, file: values.config };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

/** Takes `--config FILE` out of the arguments; the others are for the command to understand. */
function commandOf(command: CommandName, args: readonly string[]): Invocation | { readonly wrong: string } {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: { config: { type: 'string' } },
  });
  const token = tokens.find((each) => each.kind === 'option' && each.name === 'config');
  const file = token?.kind === 'option' ? token.value : undefined;
  const help = args.includes('--help') || args.includes('-h');
  if (file === undefined && !help) return { wrong: 'which settings? --config FILE' };
  const own = token?.kind === 'option' ? args.toSpliced(token.index, token.inlineValue === true ? 1 : 2) : [...args];
  return { command, args: own, file: file ?? null };
}
