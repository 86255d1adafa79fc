import type { Value, ValueType } from '@fieldline/shared/contracts';
import type { VariantOptions } from 'node-opcua';

type Library = typeof import('node-opcua');

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
} as const satisfies Record<ValueType, keyof Library['DataType']>;

export const dataTypeOf = (type: ValueType): (typeof dataTypeNames)[ValueType] => dataTypeNames[type];

/** The library holds 64-bit integers as their two halves, the high one first, of two's complement. */
export const variantOf = (opcua: Library, type: ValueType, value: Value): VariantOptions => ({
  dataType: opcua.DataType[dataTypeNames[type]],
  arrayType: opcua.VariantArrayType.Scalar,
  value: typeof value === 'bigint' ? halvesOf(value) : value,
});

const halvesOf = (value: bigint): [high: number, low: number] => {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
};
