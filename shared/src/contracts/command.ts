/**
 * Commands: one value for one tag of a gateway, or the inputs of one method, and the answer to it. Both are JSON; a command is not retained, and so is no
 * answer. Who sent a command MQTT 3.1.1 does not say: `by` is what the sender claims, and is recorded as that.
 */
import { z } from 'zod';
import { fitsType, type Value, type ValueType } from './sample.ts';
import { idPattern, idRule } from './topics.ts';

export const commandVersion = 1;
/** Of a command, and of a text in it. */
export const maxCommandBytes = 4_096;

const id = z.string().regex(idPattern, idRule);
const micros = z.int().nonnegative();

/** 64-bit integers are texts of digits: a JSON number has 53 bits. */
const statedValue = z.union([z.number(), z.boolean(), z.string().max(1_024)]);
export type StatedValue = z.infer<typeof statedValue>;

/** More inputs have no method that settings can state. */
export const maxInputs = 33;
const statedInputs = z
  .record(z.string().max(64), statedValue)
  .refine((inputs) => Object.keys(inputs).length <= maxInputs, `at most ${maxInputs} inputs`);
export type StatedInputs = z.infer<typeof statedInputs>;

export const commandSchema = z.strictObject({
  v: z.literal(commandVersion),
  gateway: id,
  /** The idempotency key: chosen by the sender, never used for another command. */
  id,
  device: id,
  tag: id,
  /** Of a method its inputs, by name; {} where it has none. */
  value: z.union([statedValue, statedInputs]),
  /** It is written only if the device holds this value just before. */
  expected: statedValue.optional(),
  /** µs since 1970 UTC: it is not written later. */
  expires: micros,
  /** Who sent it, as the sender claims. */
  by: z.string().max(128).optional(),
});
export type CommandMessage = z.infer<typeof commandSchema>;

/**
 * written: the device took it, and read back it holds it. unverified: the device took it, and reading back shows something
 * else, or nothing. called: the device carried out the method. refused: nothing was sent to the device. rejected: the device said no.
 * unknown: it may have been written or not.
 */
export const commandOutcomes = ['written', 'unverified', 'called', 'refused', 'rejected', 'unknown'] as const;
export type CommandOutcome = (typeof commandOutcomes)[number];

/** Why a command was not simply written: a closed list, so that nobody matches on a message. */
export const commandReasons = {
  malformed: 'the payload is no command',
  retained: 'it was retained by the broker: such a one would come again at every connect',
  expired: 'it came, or its turn came, after `expires`',
  'expires-too-late': '`expires` lies further ahead than `commands.longestMs`',
  'clock-not-set': 'the gateway does not know the time, so it cannot know whether it has expired',
  'unknown-tag': 'the settings have no such device or tag',
  'not-writable': 'the settings of the tag do not allow it (no `write`), or the device does not let it be written',
  type: 'the value is of another type than the tag',
  'out-of-range': 'the value lies outside of what `write` allows',
  'not-representable': 'no value of the device stands for it; the message says why, or which would be nearest',
  'too-often': 'the tag, or the gateway, was told something too short a time ago',
  busy: 'too many commands wait, or too many ids are remembered that have not expired',
  'not-stored': 'its id could not be stored, so a second copy would not be known as one',
  'not-expected': 'the device holds another value than `expected`',
  'not-readable': 'the value before could not be read',
  'not-connected': 'there is no connection to the device, or it has not answered for a while',
  exception: 'the device answered with an exception',
  'no-answer': 'the device did not answer the write, or not as it should',
  mismatch: 'read back, the device holds another value',
  'not-read-back': 'the device took it, and then its value could not be read',
  interrupted: 'the agent ended between noting the command and its end; it is never written a second time',
} as const;
export type CommandReason = keyof typeof commandReasons;

/** A device may hold a longer text than a command can carry: of what is longer than this the beginning is told. */
export const maxAnswerText = 8_192;
const read = z.union([z.number(), z.boolean(), z.string().max(maxAnswerText)]).nullable();

export const answerSchema = z.object({
  v: z.literal(commandVersion),
  gateway: id,
  /** null where the payload was too malformed to say. */
  id: id.nullable(),
  device: id.nullable(),
  tag: id.nullable(),
  outcome: z.enum(commandOutcomes),
  /** null where it was written or called. */
  reason: z.enum(Object.keys(commandReasons) as [CommandReason, ...CommandReason[]]).nullable(),
  message: z.string().nullable(),
  /**
   * What the device held before, what was written, and what it held afterwards; null where that is not known. Of a method `written` are
   * its inputs and `after` its outputs, as JSON.
   */
  before: read,
  written: read,
  after: read,
  at: micros,
  by: z.string().max(128).nullable(),
  /** The command came once more: this is the answer to its first coming. */
  repeated: z.boolean(),
});
export type AnswerMessage = z.infer<typeof answerSchema>;

/** As a message states it. */
export function statedOf(value: Value | null): StatedValue | null {
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'string' ? beginningOf(value) : value;
}

/** Of a text as much as an answer tells. */
export const beginningOf = (text: string): string =>
  text.length > maxAnswerText ? `${text.slice(0, maxAnswerText - 1)}…` : text;

/** A value of this type; null where it is none. Floats become the nearest that the type has. */
export function valueFrom(type: ValueType, stated: StatedValue): Value | null {
  const value = type === 'int64' || type === 'uint64' ? wholeOf(stated) : stated;
  if (value === null || !fitsType(type, value)) return null;
  return type === 'float32' ? Math.fround(Number(value)) : value;
}

/** A list of such values, stated as JSON in a text, as a tag of an array has it; null where it is none. */
export function listFrom(type: ValueType, stated: StatedValue): readonly Value[] | null {
  const list = z.array(statedValue).safeParse(jsonIn(stated));
  if (!list.success) return null;
  const values = list.data.flatMap((each) => valueFrom(type, each) ?? []);
  return values.length === list.data.length ? values : null;
}

/** As a tag of an array has it: compact, with integers from 2^53 on as texts of their digits. */
export const listText = (values: readonly Value[]): string =>
  JSON.stringify(
    values.map((each) => {
      if (typeof each !== 'bigint') return each;
      return Number.isSafeInteger(Number(each)) ? Number(each) : each.toString();
    }),
  );

function jsonIn(stated: StatedValue): unknown {
  try {
    return typeof stated === 'string' ? JSON.parse(stated) : null;
  } catch {
    return null;
  }
}

function wholeOf(stated: StatedValue): bigint | null {
  if (typeof stated === 'number') return Number.isSafeInteger(stated) ? BigInt(stated) : null;
  return typeof stated === 'string' && /^-?\d{1,20}$/.test(stated) ? BigInt(stated) : null;
}
