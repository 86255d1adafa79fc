import type { Value, ValueType } from '@fieldline/shared/contracts';

/** Nodes that servers of others have of each built-in type, and what is read of them. */
export const scalarCases: readonly (readonly [name: string, type: ValueType, value: Value])[] = [
  ['Boolean', 'bool', true],
  ['SByte', 'int8', -128],
  ['Byte', 'uint8', 255],
  ['Int16', 'int16', -(2 ** 15)],
  ['UInt16', 'uint16', 2 ** 16 - 1],
  ['Int32', 'int32', -(2 ** 31)],
  ['UInt32', 'uint32', 2 ** 32 - 1],
  ['Int64', 'int64', -(2n ** 53n) - 1n],
  ['UInt64', 'uint64', 2n ** 64n - 1n],
  ['Float', 'float32', 0.5],
  ['Double', 'float64', 0.1],
  ['String', 'string', 'Störung'],
  ['DateTime', 'string', '2026-03-01T12:00:00.123456Z'],
  ['Guid', 'string', '72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
  ['ByteString', 'string', 'AQID'],
  ['XmlElement', 'string', '<a/>'],
  ['NodeId', 'string', 'nsu=urn:plant;s=x'],
  ['ExpandedNodeId', 'string', 'nsu=urn:plant;s=y'],
  ['StatusCode', 'string', 'BadSensorFailure'],
  ['QualifiedName', 'string', 'name'],
  ['LocalizedText', 'string', 'läuft'],
];
