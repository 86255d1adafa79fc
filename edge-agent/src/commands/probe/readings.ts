/** Everything that a block of registers may mean: each type in each byte order at each place. Pure. */
import {
  type AnyByteOrder,
  byteOrders,
  longByteOrders,
  type ModbusTable,
  type ModbusTag,
  type ModbusType,
  modbusTypes,
  patternBits,
  registerCount,
  registersRange,
  timeFormNames,
} from '@fieldline/shared/config';
import { GOOD, type Tag, type Value } from '@fieldline/shared/contracts';
import { createDecode, valueTypeOf } from '../../drivers/modbus/decode.ts';

/** The part of a tag that says how its registers are read. */
export type Shape = Pick<ModbusTag, 'type' | 'byteOrder' | 'registers' | 'timeForm'>;

export type Reading = {
  /** In registers, from the beginning of the block. */
  readonly at: number;
  readonly count: number;
  readonly shape: Shape;
  /** The values of the two times that the block was read. */
  readonly before: Value;
  readonly after: Value;
  /** The registers at the second time. */
  readonly bytes: Buffer;
};

/** A byte of a register is rarely a value of its own, and a bit always may be one. */
const leftOut: readonly ModbusType[] = ['bool', 'int8', 'uint8', 'string', 'time', 'bcd', 'mod10000'];
/** Shorter texts are met by chance. */
const fewestCharacters = 4;

/**
 * Those that give a value both times; what is NaN, no date or no decimal digit is no reading. A number that reads the same with and
 * without a sign is given once, without.
 */
export function readingsOf(table: ModbusTable, before: Buffer, after: Buffer): Reading[] {
  const total = before.length / 2;
  const readings: Reading[] = [];
  for (let at = 0; at < total; at++) {
    const shapes = [...plainShapes, ...textShapes(after, at)];
    for (const shape of shapes) {
      const count = registerCount(shape);
      if (at + count > total) continue;
      const decode = decoderOf(table, shape);
      const [first, second] = [decode(before, at, 0), decode(after, at, 0)];
      if (first.quality !== GOOD || second.quality !== GOOD || first.value === null || second.value === null) continue;
      if (isSigned(shape) && Number(first.value) >= 0 && Number(second.value) >= 0) continue;
      const bytes = after.subarray(at * 2, (at + count) * 2);
      readings.push({ at, count, shape, before: first.value, after: second.value, bytes });
    }
  }
  return readings;
}

const isSigned = ({ type }: Shape): boolean => type.startsWith('int');

/** The type with a sign that reads the same; it is no reading of its own. */
export function signedTwin({ shape: { type }, before, after }: Reading): string | null {
  const twin = type.replace(/^uint/, 'int');
  const top = 2 ** (patternBits({ type }) - 1);
  return twin !== type && Number(before) < top && Number(after) < top ? twin : null;
}

const ordersOf = (count: number): readonly AnyByteOrder[] => {
  if (count === 1) return ['ABCD', 'BADC'];
  return count === 4 ? [...byteOrders, ...longByteOrders.slice(byteOrders.length)] : byteOrders;
};

const inEveryOrder = (shape: Omit<Shape, 'byteOrder'>): Shape[] =>
  ordersOf(registerCount(shape)).map((byteOrder) => ({
    ...shape,
    // What nobody has to state is left out of the tag line.
    ...(byteOrder === 'ABCD' ? {} : { byteOrder }),
  }));

const plainShapes: readonly Shape[] = [
  ...modbusTypes.filter((type) => !leftOut.includes(type)).flatMap((type) => inEveryOrder({ type })),
  ...(['bcd', 'mod10000'] as const).flatMap((type) => {
    const [least, most] = registersRange[type];
    return Array.from({ length: most - least + 1 }, (_, more) =>
      inEveryOrder({ type, registers: least + more }),
    ).flat();
  }),
  ...timeFormNames.flatMap((timeForm) => inEveryOrder({ type: 'time', timeForm })),
];

/** The longest text that begins here, in either order of the bytes of a register. */
function textShapes(bytes: Buffer, at: number): Shape[] {
  return (['ABCD', 'BADC'] as const).flatMap((byteOrder): Shape[] => {
    const rest = Buffer.from(bytes.subarray(at * 2, at * 2 + registersRange.string[1] * 2));
    if (byteOrder === 'BADC') rest.swap16();
    let characters = 0;
    while (isPrintable(rest[characters])) characters += 1;
    let end = characters;
    while (end < rest.length && rest[end] === 0) end += 1;
    // An end within a register belongs to the text if NULs fill it up, and else not.
    const registers = Math.floor(end / 2);
    if (Math.min(characters, registers * 2) < fewestCharacters) return [];
    return [{ type: 'string', registers, ...(byteOrder === 'ABCD' ? {} : { byteOrder }) }];
  });
}

const isPrintable = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x20 && byte <= 0x7e;

function decoderOf(table: ModbusTable, shape: Shape) {
  const setting: ModbusTag = { tag: 'probe', address: 0, ...shape, table };
  const tag: Tag = { device: 'probe', tag: 'probe', type: valueTypeOf(setting) };
  return createDecode(setting, tag, 'ABCD');
}
