import type { Value, ValueType } from '@fieldline/shared/contracts';
import type { DataType as DataTypeNumber, VariantOptions } from 'node-opcua';

type DataTypes = typeof DataTypeNumber;
type DataTypeName = Exclude<keyof DataTypes, number>;

const dataTypeNames = {
  bool: 'Boolean',
  int8: 'SByte',
  uint8: 'Byte',
  int16: 'Int16',
  uint16: 'UInt16',
  int32: 'Int32',
  uint32: 'UInt32',
  int64: 'Int64',
  uint64: 'UInt64',
  float32: 'Float',
  float64: 'Double',
  string: 'String',
} as const satisfies Record<ValueType, DataTypeName>;

export const dataTypeOf = (type: ValueType): (typeof dataTypeNames)[ValueType] => dataTypeNames[type];

/** The library holds 64-bit integers as their two halves, the high one first, of two's complement. */
export const variantOf = (types: DataTypes, type: ValueType, value: Value): VariantOptions => ({
  dataType: types[dataTypeNames[type]],
  value: typeof value === 'bigint' ? halvesOf(value) : value,
});

const halvesOf = (value: bigint): [high: number, low: number] => {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
};
