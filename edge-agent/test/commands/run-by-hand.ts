import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEdgeConfig } from '@fieldline/shared/config/load-edge';
import { systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import type { FieldParts } from '../../src/commands/field-parts.ts';
import { profilesFolder } from '../../src/profiles-folder.ts';

/** A settings file with these devices. */
export function settingsFile(devices: string, rest = ''): string {
  const file = join(temporaryFolder(), 'edge.yaml');
  writeFileSync(file, `gateway: g\nuplink: { broker: 'mqtt://127.0.0.1' }\n${rest}devices:\n${devices}`);
  return file;
}

type Command = { readonly run: (parts: FieldParts) => Promise<void> };

/** Calls a command as the program does; gives what it says, also where it throws. */
export async function runByHand({ run }: Command, args: readonly string[], signal = new AbortController().signal) {
  const said: string[] = [];
  const progress: string[] = [];
  let thrown: unknown = null;
  try {
    await run({
      args,
      readSettings: async (file) => readEdgeConfig(file, profilesFolder),
      clock: systemClock,
      signal,
      say: (line) => said.push(...line.split('\n')),
      progress: (line) => progress.push(line),
    });
  } catch (error) {
    thrown = error;
  }
  return { said, progress, thrown };
}
