import { z } from 'zod';
import { maxStatedAddress } from './modbus-address.ts';
import { filePlaceShape, placeKeyProblems } from './modbus-file.ts';
import { isFloat, layoutShape, type ModbusTable, modbusTables } from './modbus-registers.ts';
import { type ModbusType, patternBits, type RegisterLayout } from './modbus-types.ts';
import { modbusWriteSchema } from './modbus-write.ts';
import { deadbandShape, isRange, keepingShape, notARange, tagDescriptionShape } from './tag-shapes.ts';
import { durationMs, id } from './units.ts';

const hexPattern = /^0x[0-9a-fA-F]{1,16}$/;

/** What is made of the raw value, in the order in which it is done. */
const arithmeticShape = {
  notAvailable: z
    .array(
      z.union([z.number(), z.string().regex(hexPattern, 'must be a number, or 0x and 1 to 16 hexadecimal digits')]),
    )
    .optional()
    .describe(
      'raw register values that mean "no value here", e.g. [0x8000] or ["0xFFFFFFFFFFFFFFFF"]; of an integer, -1 is all bits set',
    ),
  scaleFactor: z
    .union([z.int().min(0).max(maxStatedAddress), id])
    .optional()
    .describe(
      'SunSpec: the register that says by which power of ten to multiply, by its address or the name of its tag; both are read in one request; its 0x8000 makes the value bad',
    ),
  scale: z
    .number()
    .refine((scale) => scale !== 0, 'scale 0 leaves nothing of the value')
    .optional()
    .describe('value = registers × 10^scaleFactor × scale + offset, as float64; then it is rounded, then clamped'),
  offset: z.number().optional(),
  decimals: z.int().min(0).max(15).optional().describe('rounds the value to so many digits behind the point'),
  clamp: z
    .tuple([z.number(), z.number()])
    .optional()
    .describe('lowest and highest value, e.g. [0, 100]: what lies beyond is given as the limit, and is good'),
};

export const modbusTagSchema = z
  .strictObject({
    tag: id,
    table: z
      .enum(modbusTables)
      .optional()
      .describe(
        'absent: holding, or with addressBase 4xxxx and 4xxxxx what the address says; file where a file is stated',
      ),
    address: z
      .int()
      .min(0)
      .max(maxStatedAddress)
      .optional()
      .describe(
        'in the notation that the device states with addressBase, e.g. 3027 or 0x0BD3; needed unless file and record are stated',
      ),
    ...filePlaceShape,
    ...layoutShape,
    ...arithmeticShape,
    exchange: id
      .optional()
      .describe(
        'the exchange of the device with whose request this tag is read; that writes to the device at every poll',
      ),
    everyMs: durationMs.optional().describe('where it differs from that of the device'),
    ...deadbandShape,
    ...keepingShape,
    ...tagDescriptionShape,
    write: modbusWriteSchema
      .optional()
      .describe('the tag may be written by commands, within these limits; without it, it may not'),
  })
  .refine(isRange, notARange)
  .superRefine((tag, context) => {
    for (const [key, message] of placeKeyProblems(tag)) context.addIssue({ code: 'custom', path: [key], message });
  });
/** As it is stated: its table may follow from its address. */
export type StatedTag = z.infer<typeof modbusTagSchema>;
export type ModbusTag = StatedTag & { readonly table: ModbusTable };

const withoutPattern: readonly ModbusType[] = ['string', 'time'];

/** What of `notAvailable` registers of this type can never hold. */
export function notAvailableProblems(tag: ModbusTag): [path: (string | number)[], message: string][] {
  const { notAvailable, table, type } = tag;
  if (notAvailable === undefined) return [];
  if (table === 'coil' || table === 'discrete' || withoutPattern.includes(type)) {
    return [[['notAvailable'], 'goes with numbers and bits of registers only']];
  }
  return notAvailable.flatMap((entry, position): [path: (string | number)[], message: string][] => {
    if (canBeRead(entry, tag)) return [];
    const holds = type === 'bool' ? 'a register' : type;
    return [[['notAvailable', position], `${holds} never holds this: it has ${patternBits(tag)} bits`]];
  });
}

/** As a bit pattern, or for a float as its value. */
function canBeRead(entry: number | string, shape: RegisterLayout): boolean {
  if (typeof entry === 'number' && isFloat(shape.type)) return true;
  if (typeof entry === 'number' && !Number.isInteger(entry)) return false;
  // What is no number at all was told by the schema.
  if (typeof entry === 'string' && !hexPattern.test(entry)) return true;
  const bits = patternBits(shape);
  const pattern = BigInt(entry);
  return BigInt.asIntN(bits, pattern) === pattern || BigInt.asUintN(bits, pattern) === pattern;
}
