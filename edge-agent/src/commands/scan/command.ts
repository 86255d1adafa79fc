import { isSerialLink, type ModbusLink } from '@fieldline/shared/config/modbus-link';
import { counted } from '@fieldline/shared/runtime';
import { parseCommandArgs, refuseWords, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { HandLink } from '../../drivers/modbus/by-hand.ts';
import {
  type IdentificationCategory,
  identificationCategories,
  objectName,
} from '../../drivers/modbus/identification.ts';
import type { FieldParts } from '../field-parts.ts';
import { numberOf } from '../number-of.ts';
import { linkOf, targetOptions, targetUsage } from '../target.ts';
import { type FoundUnit, scan } from './scan.ts';

export const usage = `Usage: fieldline-edge scan --path /dev/ttyUSB0 [--baud RATE] [--parity PARITY] [--units 1-247]
       fieldline-edge scan --host HOST [--port PORT] [--units 1-247]

Asks each unit id of a bus for a register, and those that answer for vendor, product code and revision. Nothing is written.
Stop the agent first where it uses the same serial port. Ctrl-C ends it, with what was found so far.

${targetUsage}
  --units RANGE   unit ids, e.g. 1-30 or 1,5,10-20: 1-247 unless they are stated
  --identify HOW  basic (vendor, product code, revision), regular (and URL, names of product, model and application), or extended
                  (and what is the maker's own): basic unless it is stated
  --address N     of the holding register that is asked for, counted from 0: 0 unless it is stated
  --timeout-ms MS how long each unit has to begin its answer: 150 on a serial line, else 500
`;

const text = { type: 'string' } as const;
const options = {
  ...targetOptions,
  units: text,
  identify: text,
  address: text,
  'timeout-ms': text,
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

const serialTimeoutMs = 150;
/** Behind a gateway that waits itself. */
const networkTimeoutMs = 500;
const progressEvery = 10;
/** So many in a row that all answer alike are hardly all there. */
const suspicious = 8;

/** @throws FieldlineError arguments/invalid, settings/invalid, device/unreachable */
export async function run({ args, clock, signal, say, progress }: FieldParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, options);
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  refuseWords(positionals, '--host 10.0.0.5', usage);
  const settings = linkOf(values, usage);
  const units = unitsOf(values.units ?? '1-247');
  const category = categoryOf(values.identify);
  const link = new HandLink(settings, clock, signal);
  const found: FoundUnit[] = [];
  let asked = 0;
  const tell = (): void => {
    asked += 1;
    if (asked % progressEvery === 0 && asked < units.length)
      progress(`${asked} of ${counted(units.length, 'unit')} asked, ${found.length} found`);
  };
  try {
    for await (const unit of scan(link, { units, category, ...limitsOf(values, settings) }, tell)) {
      found.push(unit);
      for (const line of foundLines(unit)) say(line);
    }
  } finally {
    await link.close();
  }
  const stopped = signal.aborted ? 'stopped: ' : '';
  say(`${stopped}${counted(asked, 'unit')} of ${units.length} asked on ${link.name}, ${found.length} found`);
  if (found.length >= suspicious && found.length === asked && !isSerialLink(settings)) {
    say('every unit id is answered: this is probably one device that does not look at it');
  }
}

/** Of the basic objects, which stand in the first line. */
const lastBasicObject = 2;

function foundLines({ unit, roundTripMs, answer, identity }: FoundUnit): string[] {
  const basic = [...identity].filter(([id]) => id <= lastBasicObject).map(([, text]) => text);
  const who = basic.length === 0 ? 'gives no identification' : basic.join(', ');
  const more = [...identity].filter(([id]) => id > lastBasicObject);
  return [
    `unit ${unit}: ${who} (${roundTripMs.toFixed(1)} ms, ${answer})`,
    ...more.map(([id, text]) => `  ${objectName(id)}: ${text}`),
  ];
}

/** @throws FieldlineError arguments/invalid */
function categoryOf(stated = 'basic'): IdentificationCategory {
  if (stated === 'basic' || stated === 'regular' || stated === 'extended') return stated;
  const right = Object.keys(identificationCategories).join(', ');
  throw wrongArguments(`--identify is ${stated}; it must be one of ${right}`, usage);
}

function limitsOf(values: Values, link: ModbusLink) {
  const otherwise = isSerialLink(link) ? serialTimeoutMs : networkTimeoutMs;
  return {
    timeoutMs: numberOf(values['timeout-ms'] ?? String(otherwise), '--timeout-ms', 60_000, usage, 1),
    address: numberOf(values.address ?? '0', '--address', 65_535, usage),
  };
}

/** @throws FieldlineError arguments/invalid */
function unitsOf(ranges: string): number[] {
  const units = new Set<number>();
  for (const range of ranges.split(',')) {
    const [, from = '', to = from] = /^\s*(\d+)(?:\s*[-–]\s*(\d+))?\s*$/.exec(range) ?? [];
    if (from === '') throw wrongArguments(`--units is ${ranges}; it must be ids such as 1-30 or 1,5,10-20`, usage);
    const [first, last] = [numberOf(from, '--units', 255, usage), numberOf(to, '--units', 255, usage)];
    if (first > last) throw wrongArguments(`--units ${range}: the lower one comes first`, usage);
    for (let unit = first; unit <= last; unit++) units.add(unit);
  }
  return [...units];
}
