/** What a Modbus tag says of its own writing, and what of it its registers cannot do. */
import { z } from 'zod';
import { wholeRange } from '../contracts/sample.ts';
import { exactLimit, ruleProblems, writeObject } from './commands.ts';
import { isBitTable, type ModbusTable, type RegisterShape } from './modbus-registers.ts';
import { isComputed, modbusValueType, patternBits, registerCount } from './modbus-types.ts';
import { writtenKind } from './opcua-write.ts';

/** Write single coil, single register, multiple coils, multiple registers, mask write, read and write. */
export const writeFunctions = [5, 6, 15, 16, 22, 23] as const;
export type WriteFunction = (typeof writeFunctions)[number];

export const modbusWriteSchema = writeObject.extend({
  functionCode: z
    .literal([...writeFunctions])
    .optional()
    .describe(
      'where the device wants another: 5 or 15 for a coil; 6, 16 or 23 for one register, 16 or 23 for several; absent: 5, 6, 16, and 22 for a part of a register',
    ),
  readModifyWrite: z
    .boolean()
    .default(false)
    .describe(
      'a bit, bits or a byte of a register, where the device has no function 22: the register is read and written whole; what the device itself changes in between is lost',
    ),
});
export type ModbusWrite = z.infer<typeof modbusWriteSchema>;

/** Whether the tag is a part of its register: to write it must leave the rest as it is. */
export const isPart = ({ type, bit, bits }: RegisterShape): boolean =>
  bit !== undefined || bits !== undefined || type === 'int8' || type === 'uint8';

/** Most registers of one request (Application Protocol v1.1b3, 6.12 and 6.17). */
const mostRegisters = { 16: 123, 23: 121 } as const;

type PathProblem = [path: (string | number)[], message: string];

export function writeProblems(shape: RegisterShape, table: ModbusTable, write: ModbusWrite | undefined): PathProblem[] {
  if (write === undefined) return [];
  if (table !== 'coil' && table !== 'holding') return [[['write'], `nothing can be written to ${table}`]];
  if (shape.type === 'time') return [[['write'], 'a time cannot be written']];
  if (shape.type === 'int24' || shape.type === 'uint24') {
    return [[['write'], `${shape.type} cannot be written: nothing says what belongs into its fourth byte`]];
  }
  if (isPart(shape) && registerCount(shape) > 1) return [[['write'], 'goes with a part of one register only']];
  const rules = ruleProblems(write, writtenKind(modbusValueType(shape)));
  return [...functionProblems(shape, table, write), ...(rules.length > 0 ? rules : unheldProblems(shape, write))].map(
    ([key, message]) => [['write', key], message],
  );
}

/** A choice that the registers never hold would be refused each time. */
function unheldProblems(shape: RegisterShape, { oneOf = [] }: ModbusWrite): [string, string][] {
  const held = heldBy(shape);
  if (held === null) return [];
  const [least, most] = held;
  const wrong = oneOf.find((value) => typeof value !== 'boolean' && isBeyond(exactLimit(value), least, most));
  const where = shape.bits === undefined ? shape.type : `bits [${shape.bits.join(', ')}]`;
  return wrong === undefined ? [] : [['oneOf', `${wrong} does not fit: ${where} holds ${least} to ${most}`]];
}

const isBeyond = (value: number | bigint, least: bigint, most: bigint): boolean => value < least || value > most;

/** Least and most that whole numbers without arithmetic can be; null for others: no bound of them is known here. */
function heldBy(shape: RegisterShape): [bigint, bigint] | null {
  const { type, bits } = shape;
  if (!/^u?int/.test(type) || isComputed(shape)) return null;
  return wholeRange(bits === undefined ? patternBits(shape) : bits[1] - bits[0] + 1, type.startsWith('u'));
}

function functionProblems(shape: RegisterShape, table: ModbusTable, write: ModbusWrite): [string, string][] {
  const { functionCode, readModifyWrite } = write;
  const isMasked = !isBitTable(table) && isPart(shape);
  if (readModifyWrite && !isMasked) return [['readModifyWrite', 'goes with a part of a register only']];
  const right = functionsOf(shape, table, readModifyWrite);
  if (functionCode !== undefined && !right.includes(functionCode)) {
    return [['functionCode', `${functionCode} does not write this; here ${right.join(' or ')}`]];
  }
  const used = functionCode ?? right[0];
  const most = used === 16 || used === 23 ? mostRegisters[used] : 1;
  return registerCount(shape) > most ? [['functionCode', `writes at most ${most} registers`]] : [];
}

/** The first is that of a tag which states none. */
export function functionsOf(shape: RegisterShape, table: ModbusTable, readModifyWrite: boolean): WriteFunction[] {
  if (isBitTable(table)) return [5, 15];
  if (isPart(shape) && !readModifyWrite) return [22];
  return registerCount(shape) === 1 ? [6, 16, 23] : [16, 23];
}
