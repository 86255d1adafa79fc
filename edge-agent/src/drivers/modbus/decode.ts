/**
 * From the registers of a reply to samples. Everything that the settings say is decided once per tag; what is left for each
 * sample is to read, to compare and to compute.
 */
import {
  type AnyByteOrder,
  isBitTable,
  type ModbusTag,
  modbusValueType,
  registerCount,
} from '@fieldline/shared/config/modbus';
import {
  GOOD,
  type Micros,
  type QualityCode,
  qualityCode,
  type Sample,
  type Tag,
  type Value,
  type ValueType,
} from '@fieldline/shared/contracts';
import { arithmeticOf, readScaleFactor } from './codec/arithmetic.ts';
import { inOrder, swapsBytes } from './codec/byte-order.ts';
import { readTime } from './codec/date-time.ts';
import { readBcd, readMod10000 } from './codec/decimal.ts';
import { unlessAbsent } from './codec/not-available.ts';
import { readBinary } from './codec/numbers.ts';
import { NoValue, type Read } from './codec/read.ts';
import { readText } from './codec/text.ts';

/** The sample of one tag from the data bytes of a reply; `index` counts registers, in the tables of bits bits. */
export type Decode = (data: Buffer, index: number, time: Micros) => Sample;

/** Where value and scale factor stand in the registers of the tag. */
export type ValuePlace = { readonly valueAt: number; readonly factorAt: number | null };

const notANumber = qualityCode('bad/not-a-number');

export const valueTypeOf: (setting: ModbusTag) => ValueType = modbusValueType;

/** Made once per tag; `order` is that of the device, which the tag may override. */
export function createDecode(
  setting: ModbusTag,
  tag: Tag,
  order: AnyByteOrder,
  place: ValuePlace = { valueAt: 0, factorAt: null },
): Decode {
  const byteOrder = setting.byteOrder ?? order;
  switch (setting.type) {
    case 'bool':
      return isBitTable(setting.table) ? decodeCoil(tag) : decodeWith(readBit(setting, byteOrder), tag);
    case 'string':
      return decodeWith(readText(setting.registers ?? 1, setting.characters ?? 'both-bytes', byteOrder), tag);
    default:
      return decodeNumber(setting, tag, byteOrder, place);
  }
}

const good = (tag: Tag, time: Micros, value: Value): Sample => ({ tag, time, value, quality: GOOD });
export const bad = (tag: Tag, time: Micros, quality: QualityCode): Sample => ({ tag, time, value: null, quality });

const decodeCoil =
  (tag: Tag): Decode =>
  (data, index, time) =>
    good(tag, time, ((data.readUInt8(index >> 3) >> (index & 7)) & 1) === 1);

const decodeWith =
  (read: Read<string | boolean | NoValue>, tag: Tag): Decode =>
  (data, index, time) => {
    const value = read(data, index * 2);
    return value instanceof NoValue ? bad(tag, time, value.quality) : good(tag, time, value);
  };

function readBit(setting: ModbusTag, order: AnyByteOrder): Read<boolean | NoValue> {
  const { bit = 0 } = setting;
  const isSet: Read<boolean> = (bytes, at) => ((bytes.readUInt16BE(at) >> bit) & 1) === 1;
  return inOrder(unlessAbsent<boolean>(setting, isSet), 2, order);
}

function decodeNumber(setting: ModbusTag, tag: Tag, order: AnyByteOrder, { valueAt, factorAt }: ValuePlace): Decode {
  const read = inOrder(unlessAbsent(setting, readRaw(setting)), registerCount(setting) * 2, order);
  const compute = arithmeticOf(setting);
  const powerOf = factorAt === null ? null : readPowerAt(factorAt, order);
  return (data, index, time) => {
    const raw = read(data, (index + valueAt) * 2);
    if (raw instanceof NoValue) return bad(tag, time, raw.quality);
    const power = powerOf === null ? 0 : powerOf(data, index);
    if (power instanceof NoValue) return bad(tag, time, power.quality);
    const value = compute === null ? raw : compute(raw, power);
    if (typeof value === 'number' && !Number.isFinite(value)) return bad(tag, time, notANumber);
    return good(tag, time, value);
  };
}

/** `index` counts registers, as that of a sample. */
function readPowerAt(factorAt: number, order: AnyByteOrder): Read<number | NoValue> {
  const read = inOrder(readScaleFactor, 2, swapsBytes(order) ? 'BADC' : 'ABCD');
  return (data, index) => read(data, (index + factorAt) * 2);
}

function readRaw(setting: ModbusTag): Read<number | bigint | NoValue> {
  const { type, signed = false, timeForm = 'unix-seconds', utcOffsetMinutes = 0 } = setting;
  switch (type) {
    case 'bcd':
      return readBcd(registerCount(setting));
    case 'mod10000':
      return readMod10000(registerCount(setting), signed);
    case 'time':
      return readTime(timeForm, utcOffsetMinutes);
    case 'bool':
    case 'string':
      throw new Error(`${type} is no number`);
    default:
      return readBinary(type, setting);
  }
}
