import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { modbusLinkName } from '@fieldline/shared/config/modbus-link';
import { type Clock, counted } from '@fieldline/shared/runtime';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { openRegisterReader } from '../../drivers/modbus/register-reader.ts';
import { tagsOf } from '../../sunspec/device-tags.ts';
import { type Explored, explore } from '../../sunspec/explore.ts';
import { loadModels } from '../../sunspec/model-files.ts';
import { commonModel } from '../../sunspec/nameplate.ts';
import { profileText } from '../../sunspec/profile-text.ts';
import { numberOf } from '../number-of.ts';
import { linkOf, targetOptions, targetUsage } from '../target.ts';

export const usage = `Usage: fieldline-edge sunspec --host HOST [--port PORT] [--unit UNIT] --out FILE
       fieldline-edge sunspec --link '{ kind: rtu, path: /dev/ttyUSB0 }' [--unit UNIT] --out FILE

Asks a SunSpec device for the list of its models and writes a profile with its points. Nothing is written to the device.

${targetUsage}
  --unit UNIT     1 unless it is stated
  --out FILE      the profile; a device in the settings names it: profile: ./FILE. An existing file is not replaced
`;

export type CommandParts = {
  readonly args: readonly string[];
  /** Of the files that describe the models. */
  readonly modelsFolder: string;
  /** Where a relative path begins. */
  readonly workingFolder: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A line for the operator, on standard output. */
  readonly say: (line: string) => void;
};

const options = {
  ...targetOptions,
  unit: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean' },
} as const;

const timeoutMs = 3_000;

/** @throws FieldlineError arguments/invalid, settings/invalid, settings/unreadable, device/… */
export async function run(parts: CommandParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(parts.args, usage, options);
  if (values.help === true) {
    parts.say(usage.trimEnd());
    return;
  }
  refuseWords(positionals, '--host 10.0.0.5', usage);
  if (values.out === undefined) throw wrongArguments('--out is missing', usage);
  const link = linkOf(values, usage);
  const unit = numberOf(values.unit ?? '1', '--unit', 255, usage);
  const reader = openRegisterReader({ link, unit, timeoutMs }, parts.clock, parts.signal);
  try {
    const explored = await explore(reader.read, loadModels(parts.modelsFolder));
    const file = resolve(parts.workingFolder, values.out);
    await write(file, profileText({ ...explored, place: `${modbusLinkName(link)}, unit ${unit}` }));
    for (const line of summary(explored)) parts.say(line);
    parts.say(`${values.out} is written; a device in the settings names it: profile: ./${values.out}`);
  } finally {
    await reader.close();
  }
}

/** @throws FieldlineError arguments/invalid where the file is there: it may have been changed by hand */
async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', flush: true });
  } catch (error) {
    const why =
      error instanceof Error && 'code' in error && error.code === 'EEXIST' ? 'is there already' : fileTrouble(error);
    throw wrongArguments(`${file}: ${why}; name another file with --out`, usage);
  }
}

function summary({ walk, nameplate: { maker, model, version, serial }, models }: Explored): string[] {
  const title = `${[maker, model].join(' ').trim()}, serial number ${serial}, firmware ${version}: SunSpec from register ${walk.base}`;
  return [
    title,
    ...walk.models.map((found) => {
      const read = models.find((one) => one.found === found);
      if (found.id === commonModel) return `  model ${found.id} at ${found.first}: who made it`;
      if (read === undefined) return `  model ${found.id} at ${found.first}: not among those known here`;
      const tags = tagsOf(read);
      const present = tags.filter(({ isAbsent }) => !isAbsent).length;
      return `  model ${found.id} at ${found.first}: ${read.model.title}, ${counted(present, 'tag')} of ${tags.length} have a value`;
    }),
  ];
}
