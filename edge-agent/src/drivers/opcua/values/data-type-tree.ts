/** Where a data type stands in the tree of types of its server, and the names of enumerations (OPC 10000-3 5.8). */

import {
  AttributeIds,
  BrowseDirection,
  DataType,
  EnumDefinition,
  EnumValueType,
  LocalizedText,
  NodeId,
  type Session,
} from '../library.ts';
import type { EnumNames } from './content.ts';

type Browses = Pick<Session, 'browse' | 'read'>;

const hasEncoding = 'i=38';
const hasSubtype = 'i=45';
const hasProperty = 'i=46';

/** Trees of types are a few levels deep; a circle must not hold us. */
const mostLevels = 16;

/** The built-in type that values of a type are encoded as. */
export async function baseOf(session: Browses, type: NodeId): Promise<DataType | 'enumeration' | 'undescribed'> {
  let at = type;
  for (let level = 0; level < mostLevels; level++) {
    const base = rootOf(at, level === 0);
    if (base !== null) return base;
    const [parent] = await browse(session, at, hasSubtype, BrowseDirection.Inverse);
    if (parent === undefined) return 'undescribed';
    at = parent.nodeId;
  }
  return 'undescribed';
}

const [structure, baseDataType, number, integer, unsigned, enumeration] = [22, 24, 26, 27, 28, 29];

/** null: not at the root yet. A structure that only its parent describes is not described. */
function rootOf({ namespace, value }: NodeId, isType: boolean): DataType | 'enumeration' | 'undescribed' | null {
  if (namespace !== 0 || typeof value !== 'number') return null;
  if (value === structure) return isType ? DataType.ExtensionObject : 'undescribed';
  if (value === enumeration) return isType ? DataType.Int32 : 'enumeration';
  if (value === baseDataType) return isType ? DataType.Variant : 'undescribed';
  if (value === number || value === integer || value === unsigned) return isType ? DataType.Variant : 'undescribed';
  return value >= DataType.Boolean && value <= DataType.DiagnosticInfo ? value : null;
}

/** The data type whose values are encoded under this id: some servers write that of the type itself. */
export async function encodedBy(session: Browses, encoding: NodeId): Promise<NodeId> {
  const [type] = await browse(session, encoding, hasEncoding, BrowseDirection.Inverse);
  return type?.nodeId ?? encoding;
}

/** Its definition, or the type where the server has none. */
export type EnumSource = EnumDefinition | NodeId;

/** EnumDefinition, or the properties of older servers: EnumStrings counts from 0, EnumValues states each number. */
export async function enumNames(session: Browses, source: EnumSource): Promise<EnumNames | null> {
  if (source instanceof EnumDefinition) {
    return new Map((source.fields ?? []).map(({ value, name }) => [lowHalf(value), name ?? ''] as const));
  }
  const properties = await browse(session, source, hasProperty, BrowseDirection.Forward);
  const property = properties.find(({ name }) => name === 'EnumValues' || name === 'EnumStrings');
  if (property === undefined) return null;
  const { value } = await session.read({ nodeId: property.nodeId, attributeId: AttributeIds.Value });
  const list: unknown = value?.value;
  if (!Array.isArray(list)) return null;
  return new Map(
    list.map((each: unknown, position): [number, string] =>
      each instanceof EnumValueType
        ? [lowHalf(each.value), each.displayName.text ?? '']
        : [position, each instanceof LocalizedText ? (each.text ?? '') : ''],
    ),
  );
}

/** Their numbers are 64 bits long, their values 32. */
const lowHalf = (value: unknown): number => (Array.isArray(value) ? Number(value[1]) | 0 : 0);

type Target = { readonly nodeId: NodeId; readonly name: string };

async function browse(
  session: Browses,
  nodeId: NodeId,
  referenceTypeId: string,
  browseDirection: BrowseDirection,
): Promise<readonly Target[]> {
  const { references } = await session.browse({
    nodeId,
    referenceTypeId,
    browseDirection,
    includeSubtypes: true,
    nodeClassMask: 0,
    resultMask: 63,
  });
  return (references ?? []).map((reference) => ({
    nodeId: new NodeId(reference.nodeId.identifierType, reference.nodeId.value, reference.nodeId.namespace),
    name: reference.browseName.name ?? '',
  }));
}
