import { resolve } from 'node:path';
import { type AddressBase, addressBases, nearest } from '@fieldline/shared/config';
import { readText } from '@fieldline/shared/config/settings-text';
import { FieldlineError } from '@fieldline/shared/contracts';
import { counted } from '@fieldline/shared/runtime';
import {
  parseCommandArgs,
  refuseWords,
  unknownWord,
  wrongArguments,
} from '@fieldline/shared/runtime/command-arguments';
import type { FieldParts } from '../field-parts.ts';
import { columnNames } from './cells.ts';
import { readTagList, tagListOf } from './tag-list.ts';
import { tagYaml } from './tag-yaml.ts';

export const usage = `Usage: fieldline-edge tags export --config FILE --device DEVICE > list.csv
       fieldline-edge tags import list.csv [--address-base BASE] > tags.yaml

The tags of a Modbus device as a list that a spreadsheet can edit, and such a list as tags for the settings.

  export  the tags of a device, those of its profile included, a line each
  import  checks a list and prints it as it stands in the settings below a device; every mistake with line and column

  --address-base BASE  addressBase of the device: ${addressBases.join(', ')}; 0 unless it is stated

The first line names the columns, in any order: ${columnNames.join(', ')}.
Only tag and address must be there, or tag, file and record. An empty cell is a setting that is not stated; several values in a cell (bits, notAvailable,
clamp) are parted by blanks. Commas, semicolons or tabs part the cells; with semicolons or tabs, 0,1 is a number.
`;

const options = {
  config: { type: 'string' },
  device: { type: 'string' },
  'address-base': { type: 'string' },
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

/** @throws FieldlineError arguments/invalid, settings/invalid, settings/unreadable */
export async function run(parts: Pick<FieldParts, 'args' | 'readSettings' | 'say'>): Promise<void> {
  const { values, positionals } = parseCommandArgs(parts.args, usage, options);
  if (values.help === true) {
    parts.say(usage.trimEnd());
    return;
  }
  const [action, file, ...rest] = positionals;
  if (action === 'export' && file === undefined) return exported(values, parts);
  if (action === 'import' && rest.length === 0) return imported(file, values, parts.say);
  if (action === undefined) throw wrongArguments('export or import is missing', usage);
  refuseWords(action === 'export' ? positionals.slice(1) : [], '--device meter-3', usage);
  if (action === 'import') throw wrongArguments('tags import takes one list', usage);
  throw wrongArguments(unknownWord(action, 'tags ', ['export', 'import']), usage);
}

async function exported(
  values: Values,
  { readSettings, say }: Pick<FieldParts, 'readSettings' | 'say'>,
): Promise<void> {
  if (values.config === undefined) throw wrongArguments('--config is missing', usage);
  if (values.device === undefined) throw wrongArguments('--device is missing', usage);
  const { config } = await readSettings(values.config);
  const device = config.devices.find((one) => one.device === values.device);
  if (device?.protocol !== 'modbus') {
    const names = config.devices.filter(({ protocol }) => protocol === 'modbus').map((one) => one.device);
    const guess = nearest(values.device, names);
    const hint = guess === null ? `; there are ${names.join(', ')}` : `. Did you mean ${guess}?`;
    throw wrongArguments(`${values.device} is no Modbus device of the settings${hint}`, usage);
  }
  for (const line of tagListOf(device.tags)) say(line);
}

function imported(file: string | undefined, values: Values, say: FieldParts['say']): void {
  if (file === undefined) throw wrongArguments('the list is missing: tags import list.csv', usage);
  const base = baseOf(values['address-base']);
  const { tags, problems } = readTagList(listText(file), base);
  if (problems.length > 0) {
    const lines = [...problems]
      .sort((one, other) => one.line - other.line || one.column - other.column)
      .map(({ line, column, message }) => `  ${file}:${line}:${column}: ${message}`);
    throw new FieldlineError(
      'settings/invalid',
      `${counted(lines.length, 'problem')} in ${file}:\n${lines.join('\n')}`,
    );
  }
  if (base !== 0) say(`addressBase: ${base}`);
  for (const line of tagYaml(tags)) say(line);
}

/** Workbooks, and texts of two bytes a character, have zero bytes; such a list would seem to be empty. */
function listText(file: string): string {
  const text = readText(resolve(file));
  if (!text.includes('\0')) return text;
  const message = `${file} is no plain text: save it in the spreadsheet as CSV UTF-8 (not as a workbook, nor as Unicode text)`;
  throw new FieldlineError('settings/unreadable', message);
}

function baseOf(text = '0'): AddressBase {
  const base = addressBases.find((one) => String(one) === text);
  if (base === undefined)
    throw wrongArguments(`--address-base is ${text}; it must be ${addressBases.join(', ')}`, usage);
  return base;
}
