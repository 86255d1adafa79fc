/** The commands: a file each, and a line here. A command is loaded only when it is run. */
import type { CommandModule } from './command.ts';

type Entry = { readonly what: string; readonly load: () => Promise<CommandModule> };

export const commands = {
  'dead-letters': {
    what: 'lists, shows and redrives what could not be stored',
    load: () => import('./dead-letters.ts'),
  },
  migrate: { what: 'brings the database to the newest schema', load: () => import('./migrate.ts') },
  replay: {
    what: 'writes batches again from the backbone, e.g. after a correction',
    load: () => import('./replay.ts'),
  },
  registry: {
    what: 'shows and edits what is known of each tag: unit, scale, limits, description',
    load: () => import('./registry.ts'),
  },
} as const satisfies Record<string, Entry>;
export type CommandName = keyof typeof commands;
export const isCommand = (text: string): text is CommandName => Object.hasOwn(commands, text);
