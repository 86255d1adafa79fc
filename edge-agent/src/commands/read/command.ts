import { type Device, type ModbusDevice, modbusDeviceSchema, nearest } from '@fieldline/shared/config';
import { nodeText } from '@fieldline/shared/config/opcua-address';
import { issuesOf } from '@fieldline/shared/config/settings-text';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { HandLink } from '../../drivers/modbus/by-hand.ts';
import { replyError, replyText } from '../../drivers/modbus/reply-text.ts';
import { columns } from '../columns.ts';
import type { FieldParts } from '../field-parts.ts';
import { withFoundTags } from '../found-tags.ts';
import {
  configuredServer,
  type OpcuaTarget,
  opcuaTargetOptions,
  opcuaTargetUsage,
  statedServer,
} from '../opcua-target.ts';
import { linkOf, targetOptions, targetUsage } from '../target.ts';
import { type ReadBlock, readTags } from './read.ts';

export const usage = `Usage: fieldline-edge read --config FILE --device DEVICE [--tag TAG]…
       fieldline-edge read --host HOST [--unit UNIT] --address ADDRESS [--table TABLE] [--type TYPE] …
       fieldline-edge read --host HOST [--unit UNIT] --file FILE --record RECORD [--type TYPE] …
       fieldline-edge read --endpoint opc.tcp://HOST:4840 --node NODE…

Reads once and shows of a Modbus device the registers, the value that is made of them, its quality, and how long each answer took; of an
OPC UA server value, type, quality, status, and the times of source and server.

  --config FILE   the settings file; --device: which one of it; --tag: only this one, may be repeated
  --exchanges     also what an exchange of the settings reads: that WRITES its words to the device
${targetUsage}
  --unit UNIT     1 unless it is stated
  --address N, --table TABLE, --file N, --record N, --type TYPE, --byte-order ORDER, --registers N, --bit N, --time-form FORM,
  --scale X, --offset X, --address-base BASE
                  as in the settings: address, table, file, record, type, byteOrder, registers, bit, timeForm, scale, offset, addressBase
  --timeout-ms MS 3000 unless it is stated

Of OPC UA:
  --endpoint URL  of a server that no settings name
  --node NODE     such as i=2258 or 'nsu=urn:plant;s=Line1.Speed', may be repeated; also with --config and --device
${opcuaTargetUsage}
`;

/** Of a tag on the command line: the names of the settings. */
const tagOptions = {
  address: 'address',
  table: 'table',
  file: 'file',
  record: 'record',
  type: 'type',
  'byte-order': 'byteOrder',
  registers: 'registers',
  bit: 'bit',
  'time-form': 'timeForm',
  scale: 'scale',
  offset: 'offset',
} as const;
const tagOptionNames = Object.keys(tagOptions) as (keyof typeof tagOptions)[];

/** Of what no settings name. */
const modbusOptionNames = [...Object.keys(targetOptions), ...tagOptionNames, 'unit'];

const placeOptions = ['host', 'path', 'link'] as const;

const text = { type: 'string' } as const;
const options = {
  ...targetOptions,
  ...opcuaTargetOptions,
  endpoint: text,
  node: { type: 'string', multiple: true },
  config: text,
  device: text,
  tag: { type: 'string', multiple: true },
  exchanges: { type: 'boolean' },
  unit: text,
  address: text,
  table: text,
  file: text,
  record: text,
  type: text,
  'byte-order': text,
  registers: text,
  bit: text,
  'time-form': text,
  scale: text,
  offset: text,
  'address-base': text,
  'timeout-ms': text,
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

const defaultTimeoutMs = 3_000;

/** @throws FieldlineError arguments/…, settings/…, device/… where no tag could be read */
export async function run({ args, readSettings, clock, signal, say }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  refuseWords(positionals, '--host 10.0.0.5', usage);
  const server = await serverOf(values, readSettings);
  if (server !== null) return readServer(server, values, { say, signal });
  const device = values.config === undefined ? statedDevice(values) : await configuredModbus(values, readSettings);
  await readModbus(device, values, { clock, say, signal });
}

async function readModbus(
  device: ModbusDevice,
  values: Values,
  { clock, say, signal }: Pick<FieldParts, 'clock' | 'say' | 'signal'>,
): Promise<void> {
  const wanted = {
    tags: values.tag === undefined ? null : tagsWanted(values.tag, device),
    exchanges: values.exchanges === true,
  };
  const link = new HandLink(device.link, clock, signal);
  let isAnyRead = false;
  let failed: ReadBlock['failed'] = null;
  try {
    for await (const block of readTags(device, wanted, link, clock.now)) {
      for (const line of blockLines(block)) say(line);
      isAnyRead ||= block.failed === null;
      if (block.failed !== 'writes') failed = block.failed;
      else failed ??= 'writes';
    }
  } finally {
    await link.close();
  }
  if (isAnyRead || failed === null) return;
  if (failed === 'writes') throw wrongArguments(`nothing was read: ${onlyByExchange}`, usage);
  throw replyError(failed, `unit ${device.unit} on ${link.name}`);
}

const onlyByExchange = 'an exchange reads this, which writes to the device. State --exchanges where it may';

function blockLines({ request, roundTripMs, tags, failed }: ReadBlock): string[] {
  if (failed === 'writes') return [`${request}: not read, because that writes to the device: --exchanges does it`];
  const head = `${request}: ${failed === null ? `${roundTripMs.toFixed(1)} ms` : `${replyText(failed)} (${roundTripMs.toFixed(1)} ms)`}`;
  const rows = tags.map(({ tag, raw, value, unit, quality }) => [`  ${tag}`, raw, `${value} ${unit}`.trim(), quality]);
  return [head, ...columns(rows)];
}

/** null: the device that is meant speaks Modbus. */
async function serverOf(values: Values, readSettings: FieldParts['readSettings']): Promise<OpcuaTarget | null> {
  if (values.endpoint !== undefined) {
    const stray = ['config', 'device', 'tag', ...modbusOptionNames].find((name) => Reflect.has(values, name));
    if (stray !== undefined) throw wrongArguments(`--${stray} does not go with --endpoint`, usage);
    if (values.node === undefined) throw wrongArguments('--node is missing: which node to read', usage);
    return statedServer(values.endpoint, values, usage);
  }
  if (values.config === undefined) return null;
  const { config, device } = await configuredDevice(values, readSettings);
  return device.protocol === 'opcua' ? configuredServer(values.config, config, device) : null;
}

/** The library of OPC UA is loaded only for that. */
async function readServer(
  server: OpcuaTarget,
  { tag: names, node: nodes = [] }: Values,
  parts: Pick<FieldParts, 'say' | 'signal'>,
): Promise<void> {
  const named = names === undefined ? null : tagsWanted(names, server.device);
  const ofNodes = nodes.map((node) => ({ tag: node, node: nodeOf(node), type: null }));
  const isAll = named === null && nodes.length === 0;
  const ofTags = server.device.tags.filter(({ tag }) => isAll || named?.has(tag));
  const { readOpcua } = await import('./opcua.ts');
  await readOpcua(server, [...ofTags, ...ofNodes], parts);
}

function nodeOf(node: string): string {
  const { success, error } = nodeText.safeParse(node);
  if (success) return node;
  throw wrongArguments(`--node ${node} must be ${error.issues[0]?.message ?? 'a node id'}`, usage);
}

async function configuredModbus(values: Values, readSettings: FieldParts['readSettings']): Promise<ModbusDevice> {
  const { device } = await configuredDevice(values, readSettings);
  if (device.protocol === 'modbus' && values.node === undefined) return device;
  throw wrongArguments(`${device.device} speaks ${device.protocol}: --node names a node of an OPC UA server`, usage);
}

async function configuredDevice(values: Values, readSettings: FieldParts['readSettings']) {
  const stray = modbusOptionNames.find((name) => Reflect.has(values, name));
  if (stray !== undefined) throw wrongArguments(`--${stray} does not go with --config: the settings say it`, usage);
  if (values.device === undefined) throw wrongArguments('--device is missing', usage);
  const file = values.config ?? '';
  const { config: stated } = await readSettings(file);
  const config = withFoundTags(file, stated);
  const device = config.devices.find((one) => one.device === values.device);
  if (device !== undefined) return { config, device };
  const names = config.devices.map((one) => one.device);
  throw wrongArguments(`${values.device} is no device of the settings${hint(values.device, names)}`, usage);
}

function tagsWanted(names: readonly string[], device: Device): ReadonlySet<string> {
  const known = device.tags.map(({ tag }) => tag);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw wrongArguments(`${unknown} is no tag of ${device.device}${hint(unknown, known)}`, usage);
  return new Set(names);
}

function hint(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  return guess === null ? `; there are ${known.slice(0, 20).join(', ')}` : `. Did you mean ${guess}?`;
}

/** A device with one tag, checked as if it stood in the settings. */
function statedDevice(values: Values): ModbusDevice {
  if (values.device !== undefined || values.tag !== undefined) {
    const option = values.device === undefined ? '--tag' : '--device';
    const isPlaced = placeOptions.some((name) => values[name] !== undefined);
    const remedy = isPlaced
      ? `to read from a --host, --path or --link, leave ${option} out and state --address`
      : 'state it';
    throw wrongArguments(`${option} names what stands in a settings file, and --config is missing: ${remedy}`, usage);
  }
  if (placeOptions.every((name) => values[name] === undefined)) {
    throw wrongArguments('where to read is missing: --config and --device, or --host, --path or --link', usage);
  }
  if (values.address === undefined && values.file === undefined) {
    throw wrongArguments('--address is missing: which register to read, or --file and --record', usage);
  }
  const tag = Object.fromEntries(
    tagOptionNames.flatMap((name) => (values[name] === undefined ? [] : [[tagOptions[name], plain(values[name])]])),
  );
  const device = {
    device: 'device',
    protocol: 'modbus',
    link: linkOf(values, usage),
    unit: plain(values.unit ?? '1'),
    timeoutMs: plain(values['timeout-ms'] ?? String(defaultTimeoutMs)),
    ...(values['address-base'] === undefined ? {} : { addressBase: plain(values['address-base']) }),
    tags: [{ tag: 'value', ...(tag.table === 'coil' || tag.table === 'discrete' ? { type: 'bool' } : {}), ...tag }],
  };
  const checked = issuesOf(modbusDeviceSchema, device);
  if (checked.issues === null) return checked.data;
  const lines = checked.issues.map(({ path, message }) => `${String(path.at(-1) ?? '')}: ${message}`);
  throw wrongArguments(lines.join('\n'), usage);
}

/** Numbers as numbers, all else as it is written. */
const plain = (word: string): string | number => (/^-?(\d+\.?\d*|0x[0-9a-fA-F]+)$/.test(word) ? Number(word) : word);
