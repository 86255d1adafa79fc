/** Whether a command may be carried out, as far as that is known without asking the device. Pure. */
import { type CommandSettings, exactLimit, type ValueLimits, type WriteRules } from '@fieldline/shared/config/commands';
import type { CallInput } from '@fieldline/shared/config/opcua-call';
import type { ListRules, OpcuaWriteRules } from '@fieldline/shared/config/opcua-write';
import {
  type CommandMessage,
  type CommandReason,
  commandReasons,
  isoOf,
  listFrom,
  listText,
  type Micros,
  type StatedValue,
  type Tag,
  type Value,
  type ValueType,
  valueFrom,
  wholeRange,
} from '@fieldline/shared/contracts';
import type { WriteProblem } from '../drivers/driver.ts';

export const problem = (reason: CommandReason, message: string = commandReasons[reason]): WriteProblem => ({
  reason,
  message,
});

/** Where it cannot be known whether the id was used. */
export const unreadable = 'the ids of earlier commands cannot be read: if it was answered before, that answer holds';

export type Moment = { readonly now: Micros; readonly isClockSet: boolean };

/** Looked at when it comes, and again right before its write goes out. */
export function timeProblem({ expires }: CommandMessage, { now, isClockSet }: Moment): WriteProblem | null {
  if (!isClockSet) return problem('clock-not-set');
  return now > expires ? problem('expired', `it expired at ${isoOf(expires)}, and it is ${isoOf(now)}`) : null;
}

export function headProblem(
  command: CommandMessage,
  moment: Moment,
  isRetained: boolean,
  { longestMs }: CommandSettings,
): WriteProblem | null {
  if (isRetained) return problem('retained');
  const late = timeProblem(command, moment);
  if (late !== null) return late;
  if (command.expires - moment.now <= longestMs * 1_000) return null;
  return problem('expires-too-late', `it expires more than ${longestMs} ms from now (commands.longestMs)`);
}

/** A tag of an array states what each of its values may be. */
export type TagRules = WriteRules & Pick<OpcuaWriteRules, 'each' | 'length'>;

export type Wanted = { readonly value: Value; readonly expected: Value | null };

export function wantedOf({ value, expected }: CommandMessage, tag: Tag, rules: TagRules): Wanted | WriteProblem {
  if (typeof value === 'object') return problem('type', 'the tag takes one value, not inputs by name');
  if (rules.each !== undefined) return wantedList(value, expected, { each: rules.each, length: rules.length });
  const wanted = valueFrom(tag.type, value);
  const held = expected === undefined ? null : valueFrom(tag.type, expected);
  if (wanted === null) return mistake('value', value, tag.type);
  if (expected !== undefined && held === null) return mistake('expected', expected, tag.type);
  return rangeProblem(wanted, tag.type, rules) ?? { value: wanted, expected: held };
}

/** In the form in which the tag has it, so that what is read back can be compared. */
function wantedList(
  value: StatedValue,
  expected: StatedValue | undefined,
  { each, length }: ListRules,
): Wanted | WriteProblem {
  const wanted = listFrom(each.type, value);
  const held = expected === undefined ? null : listFrom(each.type, expected);
  const takes = `the tag takes a list as JSON in a text, such as "[…]", and in it ${taken(each.type)}`;
  if (wanted === null) return problem('type', `value is none; ${takes}`);
  if (expected !== undefined && held === null) return problem('type', `expected is none; ${takes}`);
  if (length !== undefined && wanted.length !== length)
    return problem('out-of-range', `${wanted.length} values; it takes ${length}`);
  for (const [position, one] of wanted.entries()) {
    const wrong = rangeProblem(one, each.type, each);
    if (wrong !== null) return problem(wrong.reason, `[${position}]: ${wrong.message}`);
  }
  return { value: listText(wanted), expected: held === null ? null : listText(held) };
}

/** The inputs of a method in its order. */
export function inputsOf(
  { value, expected }: CommandMessage,
  inputs: readonly CallInput[],
): readonly Value[] | WriteProblem {
  if (expected !== undefined) return problem('type', 'a method holds no value: leave out expected');
  const names = inputs.map(({ name }) => name);
  const takes = names.length === 0 ? 'the method has no inputs: send {}' : `the method takes ${names.join(', ')}`;
  if (typeof value !== 'object') return problem('type', `inputs are stated by name, as {"name": value}; ${takes}`);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) return problem('type', `${unknown} is no input; ${takes}`);
  const wanted: Value[] = [];
  for (const input of inputs) {
    const stated = value[input.name];
    if (stated === undefined) return problem('type', `${input.name} is missing; ${takes}`);
    const one = valueFrom(input.type, stated);
    if (one === null) return mistake(input.name, stated, input.type, 'the input');
    const wrong = rangeProblem(one, input.type, input);
    if (wrong !== null) return problem(wrong.reason, `${input.name}: ${wrong.message}`);
    wanted.push(one);
  }
  return wanted;
}

/** In words for what a sender can write: the settings of the tag name the type of its registers, and a scale makes another of it. */
function mistake(name: string, stated: StatedValue, type: ValueType, taker = 'the tag'): WriteProblem {
  const beyond = beyondType(stated, type);
  if (beyond !== null) return problem('out-of-range', `${name} ${JSON.stringify(stated)} ${beyond}`);
  const found = typeof stated === 'number' ? 'a number' : typeof stated === 'string' ? 'a text' : 'true or false';
  return problem('type', `${name} ${JSON.stringify(stated)} is ${found}; ${taker} takes ${taken(type)}`);
}

/** Of a whole number, stated as the type states it, that the type cannot hold; else null. */
function beyondType(stated: StatedValue, type: ValueType): string | null {
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(type) ?? [];
  if (bits === undefined) return null;
  const isWhole = bits === '64' ? isLongWhole(stated) : Number.isInteger(stated);
  if (!isWhole) return null;
  const [least, most] = wholeRange(Number(bits), unsigned === 'u');
  const value = BigInt(stated);
  if (value > most) return `is too large for ${type}, whose largest is ${most}`;
  return value < least ? `is too small for ${type}, whose smallest is ${least}` : null;
}

/** A number beyond 2^53 is not: nobody knows which one was meant. */
const isLongWhole = (stated: StatedValue): boolean =>
  typeof stated === 'string' ? /^-?\d+$/.test(stated) : Number.isSafeInteger(stated);

function taken(type: ValueType): string {
  if (type === 'bool') return 'true or false';
  if (type === 'string') return 'a text';
  if (type.startsWith('float')) return 'a number';
  const isLong = type === 'int64' || type === 'uint64';
  return `a whole number of ${type}${isLong ? ', from 2^53 on as a text of digits' : ''}`;
}

function rangeProblem(value: Value, type: ValueType, { min, max, oneOf }: ValueLimits): WriteProblem | null {
  const isListed = (allowed: StatedValue): boolean => valueFrom(type, allowed) === value;
  if (oneOf !== undefined && !oneOf.some(isListed)) {
    return problem('out-of-range', `only ${oneOf.join(', ')} may be written`);
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  if (min !== undefined && value < exactLimit(min)) return problem('out-of-range', `at least ${min} may be written`);
  if (max !== undefined && value > exactLimit(max)) return problem('out-of-range', `at most ${max} may be written`);
  return null;
}

/** What the device holds, against what the sender thinks it holds: computed values differ in their last digits. */
export function expectationProblem(expected: Value | null, before: Value | null): WriteProblem | null {
  if (expected === null || isAlike(expected, before)) return null;
  return problem('not-expected', `the device holds ${before ?? 'no value'}, not ${expected}`);
}

function isAlike(expected: Value, before: Value | null): boolean {
  if (typeof expected !== 'number' || typeof before !== 'number') return expected === before;
  return Math.abs(expected - before) <= Math.abs(expected) * 1e-9;
}
