import { opcuaDeviceSchema } from '@fieldline/shared/config';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { discover } from '../../drivers/opcua/session/discover.ts';
import { certificateFolderOf } from '../certificate-folder.ts';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { endpointLines, serverLines } from './discovered-text.ts';

export const usage = `Usage: fieldline-edge discover opc.tcp://HOST:4840 [--config FILE] [--timeout-ms MS]

Asks an OPC UA server, without logging in, which endpoints it offers: how they are secured, how users log in, by which certificate it
proves who it is; which of them the agent would take; and which servers it knows, as a discovery server does.

  --config FILE   whose certificates the agent of these settings trusts
  --timeout-ms MS 5000 unless it is stated
`;

const text = { type: 'string' } as const;
const options = { config: text, 'timeout-ms': text, help: { type: 'boolean' } } as const;

/** @throws FieldlineError arguments/invalid, settings/…, device/… */
export async function run({ args, readSettings, clock, signal, say }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const [address, ...rest] = positionals;
  if (address === undefined) throw wrongArguments('the address is missing: discover opc.tcp://10.0.0.5:4840', usage);
  if (rest.length > 0) throw wrongArguments('discover takes one address', usage);
  const { success } = opcuaDeviceSchema.shape.endpoint.safeParse(address);
  if (!success) throw wrongArguments(`${address} is no address such as opc.tcp://10.0.0.5:4840/path`, usage);
  const folder = values.config === undefined ? null : await certificateFolderOf(values.config, readSettings);
  const timeoutMs = numberOf(values['timeout-ms'] ?? '5000', '--timeout-ms', 60_000, usage, 1);
  const now = new Date(clock.now() / 1_000);
  const { endpoints, servers } = await discover(address, { timeoutMs, now, signal });
  for (const line of await endpointLines(endpoints, address, folder, now)) say(line);
  for (const line of serverLines(servers)) say(line);
}
