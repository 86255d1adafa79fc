/** Which OPC UA server a technician means, and how it is opened: as the settings say, or as the command line does. */
import { dirname, resolve } from 'node:path';
import { nearest, type OpcuaDevice, opcuaDeviceSchema } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { issuesOf } from '@fieldline/shared/config/settings-text';
import { wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { certificateFolder, resolvePaths } from '../resolve-paths.ts';
import type { FieldParts } from './field-parts.ts';

/** `certificateFolder`: null where none is needed, and none shall be left. */
export type OpcuaTarget = { readonly device: OpcuaDevice; readonly certificateFolder: string | null };

export const opcuaTargetOptions = {
  security: { type: 'string' },
  username: { type: 'string' },
  'password-file': { type: 'string' },
  certificates: { type: 'string' },
} as const;
type Values = { readonly [key in keyof typeof opcuaTargetOptions]?: string } & { readonly 'timeout-ms'?: string };

export const opcuaTargetUsage = `  --security S    of a server that no settings name: None, or a policy such as Basic256Sha256, or Basic256Sha256/Sign
  --username U, --password-file FILE  anonymous unless they are stated
  --certificates FOLDER  where our certificate and those that are trusted are kept; ./certificates unless it is stated (None: nowhere)`;

/** @throws FieldlineError arguments/invalid */
export function statedServer(endpoint: string, values: Values, usage: string): OpcuaTarget {
  const [policy, mode = policy === 'None' ? 'None' : 'SignAndEncrypt'] = values.security?.split('/') ?? [];
  const passwordFile = values['password-file'];
  const timeoutMs = values['timeout-ms'];
  const checked = issuesOf(opcuaDeviceSchema, {
    device: 'server',
    protocol: 'opcua',
    endpoint,
    ...(policy === undefined ? {} : { security: { policy, mode } }),
    ...(values.username === undefined ? {} : { username: values.username }),
    ...(passwordFile === undefined ? {} : { passwordFile: resolve(passwordFile) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs: Number(timeoutMs) }),
    tags: [{ tag: 'value', node: 'i=2258' }],
  });
  if (checked.issues === null) return { device: checked.data, certificateFolder: folderOf(values, policy) };
  throw wrongArguments(checked.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'), usage);
}

function folderOf({ certificates }: Values, policy: string | undefined): string | null {
  if (certificates !== undefined) return resolve(certificates);
  return policy === 'None' ? null : resolve('certificates');
}

/** `device`: one of the OPC UA devices of the settings. */
export function configuredServer(file: string, config: EdgeConfig, device: OpcuaDevice): OpcuaTarget {
  const resolved = resolvePaths(config, dirname(resolve(file)));
  const own = resolved.devices.find((one) => one.device === device.device);
  return { device: own?.protocol === 'opcua' ? own : device, certificateFolder: certificateFolder(resolved) };
}

/** By an address, or by the settings and one of their devices. @throws FieldlineError arguments/invalid, settings/… */
export async function chosenServer(
  { command, usage }: { readonly command: string; readonly usage: string },
  values: Values & { readonly config?: string; readonly device?: string },
  [endpoint, ...rest]: readonly string[],
  readSettings: FieldParts['readSettings'],
): Promise<OpcuaTarget> {
  if (rest.length > 0) throw wrongArguments(`${command} takes one address, such as opc.tcp://10.0.0.5:4840`, usage);
  if (endpoint !== undefined) {
    if (values.config !== undefined || values.device !== undefined)
      throw wrongArguments('an address and --config are two ways to say which server: state one', usage);
    return statedServer(endpoint, values, usage);
  }
  if (values.config === undefined) {
    throw wrongArguments(
      `which server is missing: ${command} opc.tcp://10.0.0.5:4840, or --config and --device`,
      usage,
    );
  }
  const stray = Object.keys(opcuaTargetOptions).find((name) => Reflect.has(values, name));
  if (stray !== undefined) throw wrongArguments(`--${stray} does not go with --config: the settings say it`, usage);
  const { config } = await readSettings(values.config);
  const devices = config.devices.filter((device): device is OpcuaDevice => device.protocol === 'opcua');
  const device =
    devices.length === 1 && values.device === undefined
      ? devices[0]
      : devices.find((one) => one.device === values.device);
  if (device !== undefined) return configuredServer(values.config, config, device);
  const names = devices.map((one) => one.device);
  if (values.device === undefined)
    throw wrongArguments(`--device is missing: ${names.join(', ') || 'the settings have no OPC UA device'}`, usage);
  const guess = nearest(values.device, names);
  const hint = guess === null ? `; there are ${names.join(', ')}` : `. Did you mean ${guess}?`;
  throw wrongArguments(`${values.device} is no OPC UA device of the settings${hint}`, usage);
}
