import { dirname } from 'node:path';
import type { ModbusDevice } from '@fieldline/shared/config';
import { callsOf, type EdgeConfig } from '@fieldline/shared/config/edge';
import type { PlacedEdge } from '@fieldline/shared/config/load-edge';
import { invalid, problemLines } from '@fieldline/shared/config/settings-text';
import { counted } from '@fieldline/shared/runtime';
import { forecastLinks } from '../../drivers/modbus/forecast.ts';
import { resolvePaths } from '../../resolve-paths.ts';
import { patternsText, withFoundTags } from '../found-tags.ts';
import { busFindings } from './bus.ts';
import { type LineOf, overlaps, unitClashes } from './map.ts';
import { secretFiles } from './secret-files.ts';
import { writeRanges } from './write-range.ts';

/**
 * A summary and the warnings, a line each.
 * @throws FieldlineError settings/invalid where the settings are sound each by itself, but cannot work together
 */
export function validate(file: string, { config, problemAt }: PlacedEdge): string[] {
  const { devices } = config;
  const lineOf: LineOf = (path) => {
    const place = problemAt({ path, message: '' });
    return `${place.file}:${place.line}:${place.column}`;
  };
  const bus = busFindings(config, forecastLinks(modbusOf(devices)));
  const warnings = [
    ...unitClashes(devices, lineOf),
    ...overlaps(devices, lineOf),
    ...writeRanges(devices),
    ...bus.warnings,
    ...secretFiles(resolvePaths(config, dirname(file))),
  ];
  const warningLines = problemLines(file, warnings.map(problemAt)).map((line) => `warning: ${line}`);
  if (bus.problems.length > 0) throw invalid(file, bus.problems.map(problemAt));
  return [...summary(file, config), ...warningLines];
}

const modbusOf = (devices: EdgeConfig['devices']): ModbusDevice[] =>
  devices.filter((device) => device.protocol === 'modbus');

function summary(file: string, config: EdgeConfig): string[] {
  const { gateway, devices, uplink, journal } = config;
  const found = withFoundTags(file, config);
  const tags = devices.reduce((sum, device) => sum + device.tags.length, 0);
  return [
    `${file} is valid`,
    `  gateway ${gateway} publishes to ${[uplink.broker].flat().join(', else to ')}, journal in ${journal.folder}`,
    ...devices.map((device, position) => `  ${deviceText(device, found.devices[position] ?? device)}`),
    `  ${counted(devices.length, 'device')}, ${counted(tags, 'tag')}`,
    `  ${writableOf(config)}`,
    ...writingPolls(modbusOf(devices)).map((line) => `  ${line}`),
    ...openSessions(devices).map((line) => `  ${line}`),
  ];
}

type Device = EdgeConfig['devices'][number];

function deviceText(stated: Device, whole: Device): string {
  const patterns = patternsText(stated, whole);
  const tags = counted(stated.tags.length, 'tag');
  return `${stated.device}: ${stated.protocol}, ${tags}${patterns === null ? '' : `; ${patterns}`}`;
}

/** What an auditor asks next: what is written without any command. */
function writingPolls(devices: readonly ModbusDevice[]): string[] {
  const writing = devices.flatMap(({ device, tags }) => {
    const exchanges = new Set(tags.flatMap(({ exchange }) => exchange ?? []));
    return exchanges.size === 0 ? [] : [`${device} (${counted(exchanges.size, 'exchange')})`];
  });
  if (writing.length === 0) return [];
  return [`polls write to ${counted(writing.length, 'device')}, at every one of them: ${writing.join(', ')}`];
}

/** OPC UA without protection, as somebody stated it: for everyone on the network to read and to change. */
function openSessions(devices: EdgeConfig['devices']): string[] {
  const open = devices.flatMap((device) => {
    if (device.protocol !== 'opcua') return [];
    const readable = device.passwordInClearText === true ? [`${device.device} (password in clear text)`] : [];
    return device.security?.policy === 'None' ? [`${device.device} (security None)`, ...readable] : readable;
  });
  return open.length === 0 ? [] : [`OPC UA that others on the network can read or change: ${open.join(', ')}`];
}

/** What an auditor asks first: the tags that commands can write. */
function writableOf({ devices, commands }: EdgeConfig): string {
  const writable = devices.flatMap((device) => [
    ...device.tags.flatMap((tag) => ('write' in tag && tag.write !== undefined ? [`${device.device}/${tag.tag}`] : [])),
    ...callsOf(device).map(({ tag }) => `${device.device}/${tag} (method)`),
  ]);
  if (!commands.enabled)
    return `nothing can be written by commands (commands.enabled is false${writable.length > 0 ? '; write of tags has no effect' : ''})`;
  return writable.length === 0
    ? 'nothing can be written by commands: no tag has write'
    : `can be written: ${writable.join(', ')}`;
}
