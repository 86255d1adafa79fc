import { parseArgs } from 'node:util';
import { isRole, type Role, roles } from './role.ts';

export const usage = `fieldline-ingest: from the MQTT broker to the database, and out again

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

export type Command = { readonly role: Role | 'validate'; readonly file: string };

/** A string is what is wrong with the arguments. */
export function commandOf(args: readonly string[]): Command | 'help' | { readonly wrong: string } {
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
