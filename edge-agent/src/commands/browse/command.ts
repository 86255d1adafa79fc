import { nodeText } from '@fieldline/shared/config/opcua-address';
import { grouped } from '@fieldline/shared/runtime';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { chosenServer, opcuaTargetOptions, opcuaTargetUsage } from '../opcua-target.ts';

const defaultDepth = 10;
const defaultMost = 10_000;

export const usage = `Usage: fieldline-edge browse opc.tcp://HOST:4840 [--node NODE] [--depth N] [--filter GLOB] [--values | --tags | --paths]
       fieldline-edge browse --config FILE --device DEVICE …

Shows what an OPC UA server has, as a tree; or writes its variables as tags for the settings of a device.

  --config FILE   the settings file; --device: which one of it
  --node NODE     where to begin; the Objects folder unless it is stated
  --depth N       levels below that; ${defaultDepth} unless it is stated
  --filter GLOB   only what has such a path from there, e.g. 'Line*/**/Speed'; * stands for characters of a name, ** also for names;
                  a GLOB without a slash is one for the last name
  --values        also what the variables hold now
  --tags          tags for the settings, by node id: with type, unit, limits and description as the server says them
  --paths         the same by browse path, which stays right where a server numbers its nodes anew; not with --node
  --most N        ends after so many nodes; ${grouped(defaultMost)} unless it is stated
  --timeout-ms MS 10000 unless it is stated
${opcuaTargetUsage}
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  ...opcuaTargetOptions,
  config: text,
  device: text,
  node: text,
  depth: text,
  filter: text,
  values: flag,
  tags: flag,
  paths: flag,
  most: text,
  'timeout-ms': text,
  help: flag,
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

/** @throws FieldlineError arguments/…, settings/…, device/… */
export async function run({ args, readSettings, signal, say, progress }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const target = await chosenServer({ command: 'browse', usage }, values, positionals, readSettings);
  const as = shownAs(values);
  if (as === 'paths' && values.node !== undefined)
    throw wrongArguments('--paths begins at the Objects folder: leave --node out, --filter narrows it', usage);
  const { browse } = await import('./browse.ts');
  await browse(
    target,
    {
      node: nodeOf(values.node ?? 'i=85'),
      depth: numberOf(values.depth ?? String(defaultDepth), '--depth', 100, usage, 1),
      most: numberOf(values.most ?? String(defaultMost), '--most', 1_000_000, usage, 1),
      filter: values.filter ?? null,
      as,
    },
    { say, progress, signal },
  );
}

function shownAs(values: Values): 'tree' | 'values' | 'tags' | 'paths' {
  const stated = (['values', 'tags', 'paths'] as const).filter((name) => values[name] === true);
  if (stated.length > 1) throw wrongArguments(`--${stated.join(' and --')} are different outputs: state one`, usage);
  return stated[0] ?? 'tree';
}

function nodeOf(node: string): string {
  const { success, error } = nodeText.safeParse(node);
  if (success) return node;
  throw wrongArguments(`--node ${node} must be ${error.issues[0]?.message ?? 'a node id'}`, usage);
}
