import { nodeText } from '@fieldline/shared/config/opcua-address';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { opcuaTargetOptions, opcuaTargetUsage, statedServer } from '../opcua-target.ts';

export const usage = `Usage: fieldline-edge limits opc.tcp://HOST:4840 [--node NODE] [--most N]

Measures what an OPC UA server takes, beside what it states: nodes per read, items per call and per subscription, subscriptions, intervals,
queues, deadbands, transfer. It asks for more until the server refuses, up to --most; what it makes there it takes away again.

  --node NODE     a number that may be read and watched, best one with a range (EURange); the service level of the server unless it is stated
  --most N        of nodes and items; 1000 unless it is stated. The agent never asks for more than 500 in one call
  --timeout-ms MS 10000 unless it is stated
${opcuaTargetUsage}
`;

const text = { type: 'string' } as const;
const options = {
  ...opcuaTargetOptions,
  node: text,
  most: text,
  'timeout-ms': text,
  help: { type: 'boolean' },
} as const;

/** @throws FieldlineError arguments/…, device/… */
export async function run({ args, signal, say, progress }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const [endpoint, ...rest] = positionals;
  if (endpoint === undefined || rest.length > 0)
    throw wrongArguments('limits takes one address, such as opc.tcp://10.0.0.5:4840', usage);
  const node = nodeText.safeParse(values.node ?? 'i=2267');
  if (!node.success) throw wrongArguments(`--node must be ${node.error.issues[0]?.message ?? 'a node id'}`, usage);
  const most = numberOf(values.most ?? '1000', '--most', 100_000, usage, 1);
  const target = statedServer(endpoint, values, usage);
  const { showLimits } = await import('./limits.ts');
  await showLimits(target, { node: node.data, most }, { say, progress, signal });
}
