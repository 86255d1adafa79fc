import { nodeText } from '@fieldline/shared/config/opcua-address';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { chosenServer, opcuaTargetOptions, opcuaTargetUsage } from '../opcua-target.ts';

export const usage = `Usage: fieldline-edge limits opc.tcp://HOST:4840 [--node NODE] [--most N]
       fieldline-edge limits --config FILE --device DEVICE …

Measures what an OPC UA server takes, beside what it states: nodes per read, items per call and per subscription, subscriptions, intervals,
queues, deadbands, history, transfer. It asks for more until the server refuses, up to --most; what it makes there it takes away again.

  --config FILE   the settings file; --device: which one of it
  --node NODE     a number that may be read and watched, best one with a range (EURange); the service level of the server unless it is stated
  --most N        of nodes and items; 1000 unless it is stated. The agent never asks for more than 500 in one call
  --timeout-ms MS 10000 unless it is stated
${opcuaTargetUsage}
`;

const text = { type: 'string' } as const;
const options = {
  ...opcuaTargetOptions,
  config: text,
  device: text,
  node: text,
  most: text,
  'timeout-ms': text,
  help: { type: 'boolean' },
} as const;

/** @throws FieldlineError arguments/…, settings/…, device/… */
export async function run({ args, readSettings, signal, say, progress }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const node = nodeText.safeParse(values.node ?? 'i=2267');
  if (!node.success) throw wrongArguments(`--node must be ${node.error.issues[0]?.message ?? 'a node id'}`, usage);
  const most = numberOf(values.most ?? '1000', '--most', 100_000, usage, 1);
  const target = await chosenServer({ command: 'limits', usage }, values, positionals, readSettings);
  const { showLimits } = await import('./limits.ts');
  await showLimits(target, { node: node.data, most }, { say, progress, signal });
}
