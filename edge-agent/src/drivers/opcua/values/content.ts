/**
 * What a server sent, taken apart: a scalar, an array, a structure with its fields by name, or bytes that nobody has described.
 * Elements of arrays are made when they are asked for: of thousands mostly one is wanted.
 */
import {
  DataType,
  DataValue,
  FieldCategory,
  findBuiltInType,
  LibraryObject,
  NodeId,
  OpaqueStructure,
  Variant,
  VariantArrayType,
} from '../library.ts';
import { nodeText } from '../nodes/node-id.ts';

/** Of an enumeration. */
export type EnumNames = ReadonlyMap<number, string>;

export type Content =
  | { readonly kind: 'scalar'; readonly dataType: DataType; readonly raw: unknown; readonly names: EnumNames | null }
  | { readonly kind: 'array'; readonly length: number; readonly at: (index: number) => Content }
  | { readonly kind: 'structure'; readonly fields: ReadonlyMap<string, Content> }
  | { readonly kind: 'undecoded'; readonly typeId: string; readonly body: Buffer };

/** What is known of the types of one server. */
export type KnownTypes = {
  /** Position is the index. */
  readonly namespaces: readonly string[];
  /** null: nobody has described its type. */
  readonly decode: (structure: OpaqueStructure) => Content | null;
};

export const noTypes: KnownTypes = { namespaces: [], decode: () => null };

export const nothing: Content = { kind: 'scalar', dataType: DataType.Null, raw: null, names: null };

export function contentOf(variant: Variant, names: EnumNames | null, known: KnownTypes): Content {
  const { dataType, arrayType, dimensions } = variant;
  const value: unknown = variant.value;
  // 64-bit integers are arrays of two themselves.
  if (arrayType === VariantArrayType.Scalar || !isList(value)) return scalarContent(dataType, value, names, known);
  const at = (index: number): Content => scalarContent(dataType, value[index], names, known);
  return dimensions === null || dimensions === undefined || dimensions.length < 2
    ? { kind: 'array', length: value.length, at }
    : matrixContent(dimensions, at);
}

/** The last dimension runs fastest (OPC 10000-6 5.2.2.16). */
export function matrixContent(
  [length = 0, ...inner]: readonly number[],
  at: (index: number) => Content,
  offset = 0,
): Content {
  const stride = inner.reduce((product, each) => product * each, 1);
  const part = (index: number): Content =>
    inner.length === 0 ? at(offset + index) : matrixContent(inner, at, offset + index * stride);
  return { kind: 'array', length, at: part };
}

export function scalarContent(dataType: DataType, raw: unknown, names: EnumNames | null, known: KnownTypes): Content {
  if (raw === null || raw === undefined) return nothing;
  switch (dataType) {
    case DataType.Variant:
      return raw instanceof Variant ? contentOf(raw, null, known) : nothing;
    case DataType.DataValue:
      return raw instanceof DataValue ? dataValueContent(raw, known) : nothing;
    case DataType.ExtensionObject:
      if (raw instanceof OpaqueStructure) return known.decode(raw) ?? undecoded(raw, known);
      return raw instanceof LibraryObject ? objectContent(raw, known) : nothing;
    case DataType.NodeId:
    case DataType.ExpandedNodeId:
      return raw instanceof NodeId ? textContent(nodeText(raw, known.namespaces)) : nothing;
    default:
      return { kind: 'scalar', dataType, raw, names };
  }
}

const textContent = (raw: string): Content => ({ kind: 'scalar', dataType: DataType.String, raw, names: null });

const undecoded = ({ nodeId, buffer }: OpaqueStructure, { namespaces }: KnownTypes): Content => ({
  kind: 'undecoded',
  typeId: nodeText(nodeId, namespaces),
  body: buffer,
});

function dataValueContent(data: DataValue, known: KnownTypes): Content {
  const scalar = (dataType: DataType, raw: unknown): Content => scalarContent(dataType, raw, null, known);
  const fields = new Map([
    ['Value', data.value === undefined || data.value === null ? nothing : contentOf(data.value, null, known)],
    ['StatusCode', scalar(DataType.StatusCode, data.statusCode)],
    ['SourceTimestamp', scalar(DataType.DateTime, data.sourceTimestamp)],
    ['ServerTimestamp', scalar(DataType.DateTime, data.serverTimestamp)],
  ]);
  return { kind: 'structure', fields };
}

/** A structure of the specification itself: the library has taken it apart. */
export function objectContent(object: LibraryObject, known: KnownTypes): Content {
  const fields = new Map<string, Content>();
  for (const { name, originalName, fieldType, category, schema, isArray } of schemaFields(object)) {
    const scalar = (raw: unknown): Content => {
      if (category === FieldCategory.complex) return raw instanceof LibraryObject ? objectContent(raw, known) : nothing;
      if (category === FieldCategory.enumeration) return scalarContent(DataType.Int32, raw, namesIn(schema), known);
      return scalarContent(builtInNamed(fieldType), raw, null, known);
    };
    const value: unknown = Reflect.get(object, name);
    const list = isArray === true && isList(value) ? value : null;
    fields.set(
      originalName,
      list === null ? scalar(value) : { kind: 'array', length: list.length, at: (index) => scalar(list[index]) },
    );
  }
  return { kind: 'structure', fields };
}

/** Those of what it is derived from come first. */
function schemaFields({ schema }: LibraryObject) {
  const fields: (typeof schema)['fields'] = [];
  for (let each: typeof schema | null | undefined = schema; each; each = each.getBaseSchema()) {
    fields.unshift(...each.fields);
  }
  return fields;
}

const builtInTypes = new Map<string, DataType>(
  Object.entries(DataType).flatMap(([name, number]) => (typeof number === 'number' ? [[name, number] as const] : [])),
);

/** The library knows a few more names, all of them unsigned numbers such as IntegerId. */
const builtInNamed = (name: string): DataType => builtInTypes.get(findBuiltInType(name).name) ?? DataType.UInt32;

function namesIn(schema: object): EnumNames {
  const values: unknown = Reflect.get(schema, 'enumValues');
  return new Map(
    Object.entries(Object(values)).flatMap(([name, number]) => (typeof number === 'number' ? [[number, name]] : [])),
  );
}

type List = { readonly length: number; readonly [index: number]: unknown };
const isList = (value: unknown): value is List =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
