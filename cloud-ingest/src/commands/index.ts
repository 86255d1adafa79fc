/** The commands: a file each, and a line here. A command is loaded only when it is run. */
import type { CommandModule } from './command.ts';

type Entry = { readonly what: string; readonly load: () => Promise<CommandModule> };

export const commands = {
  migrate: { what: 'brings the database to the newest schema', load: () => import('./migrate.ts') },
} as const satisfies Record<string, Entry>;
export type CommandName = keyof typeof commands;
export const isCommand = (text: string): text is CommandName => Object.hasOwn(commands, text);
