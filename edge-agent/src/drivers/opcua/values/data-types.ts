/**
 * What the data types of one server are, asked for when a tag needs it and once for each type: descriptions of structures
 * (DataTypeDefinition, OPC 10000-3 5.8.3) and names of enumerations. Made anew with each session, since a restart may have changed
 * all of it. Types that come as a surprise, within a value, are learnt for the values after it.
 */

import {
  AttributeIds,
  DataType,
  type DataValue,
  EnumDefinition,
  NodeId,
  type OpaqueStructure,
  type Session,
  StructureDefinition,
  StructureType,
  standardStructure,
} from '../library.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { type Content, contentOf, type EnumNames, type KnownTypes } from './content.ts';
import { baseOf, type EnumSource, encodedBy, enumNames } from './data-type-tree.ts';
import { decodeBody, type Field, type TypeDescription } from './structure.ts';

export type DataTypes = {
  readonly types: KnownTypes;
  /** Learns the data types of these variables; gives the names of those that are enumerations, position by position. */
  readonly learnVariables: (nodes: readonly NodeId[]) => Promise<readonly (EnumNames | null)[]>;
};

/** A server has a few hundred; no server makes us keep more. */
const mostTypes = 10_000;
/** Types within values of types that came as a surprise. */
const mostSurprises = 4;

const bySession = new WeakMap<Session, DataTypes>();

/** Devices of one session share them. */
export function dataTypesOf(session: Session, facts: ServerFacts): DataTypes {
  const known = bySession.get(session) ?? createDataTypes(session, facts);
  bySession.set(session, known);
  return known;
}

function createDataTypes(session: Session, facts: ServerFacts): DataTypes {
  const types = new Map<string, TypeDescription>();
  /** By the id that stands before its body in a message. */
  const typeByEncoding = new Map<string, string>();
  const surprises = new Map<string, NodeId>();
  const tried = new Set<string>();
  let settling: Promise<void> | null = null;

  const known: KnownTypes = {
    get namespaces() {
      return facts.namespaces;
    },
    decode: ({ nodeId, buffer }: OpaqueStructure): Content | null => {
      const encoding = nodeId.toString();
      const type = types.get(typeByEncoding.get(encoding) ?? '');
      if (type === undefined) {
        if (!tried.has(encoding) && tried.size < mostTypes) {
          surprises.set(encoding, nodeId);
          void settle();
        }
        return null;
      }
      try {
        return decodeBody(type, buffer, (key) => types.get(key), known);
      } catch {
        return null;
      }
    },
  };

  const read = (nodes: readonly NodeId[], attributeId: AttributeIds): Promise<DataValue[]> =>
    inCalls(
      facts.limits.read,
      nodes,
      async (some): Promise<DataValue[]> => session.read(some.map((nodeId) => ({ nodeId, attributeId }))),
    );

  /** And the types of their fields, and of the fields of these. */
  const learn = async (wanted: readonly NodeId[]): Promise<void> => {
    let next = unknown(wanted);
    while (next.length > 0 && types.size < mostTypes) {
      const definitions = await read(next, AttributeIds.DataTypeDefinition);
      const abstract = await read(next, AttributeIds.IsAbstract);
      const fields: NodeId[] = [];
      for (const [position, type] of next.entries()) {
        const definition: unknown = definitions[position]?.value?.value;
        const description = await describe(type, definition, abstract[position]?.value?.value === true);
        types.set(type.toString(), description);
        if (!(definition instanceof StructureDefinition)) continue;
        typeByEncoding.set(definition.defaultEncodingId.toString(), type.toString());
        fields.push(...(definition.fields ?? []).map(({ dataType }) => dataType));
      }
      next = unknown(fields);
    }
  };

  const unknown = (wanted: readonly NodeId[]): NodeId[] => [
    ...new Map(wanted.map((type) => [type.toString(), type])).values().filter((type) => !types.has(type.toString())),
  ];

  const describe = async (type: NodeId, definition: unknown, isAbstract: boolean): Promise<TypeDescription> => {
    const standard = standardStructure(type);
    if (standard !== null) return { kind: 'standard', make: standard };
    // Whatever is derived from it comes with an id of its own.
    if (isAbstract && definition instanceof StructureDefinition) return builtIn(DataType.ExtensionObject);
    if (definition instanceof StructureDefinition) return structure(definition);
    const base = await baseOf(session, type);
    if (base === 'undescribed') return { kind: base };
    if (base !== 'enumeration') return builtIn(base);
    const source: EnumSource = definition instanceof EnumDefinition ? definition : type;
    return builtIn(DataType.Int32, await enumNames(session, source));
  };

  /** Until nothing new is found in the values: what a surprise has within it shows when it can be decoded. */
  const learnValues = async (nodes: readonly NodeId[]): Promise<void> => {
    const values = (await read(nodes, AttributeIds.Value)).flatMap(({ value }) => value ?? []);
    for (let round = 0; round < mostSurprises; round++) {
      for (const value of values) visit(contentOf(value, null, known));
      if (settling === null) return;
      await settling;
    }
  };

  /** A session that is lost meanwhile is noticed elsewhere. */
  const settle = (): Promise<void> => {
    settling ??= learnSurprises()
      .catch(() => undefined)
      .finally(() => {
        settling = null;
      });
    return settling;
  };

  const learnSurprises = async (): Promise<void> => {
    for (const [encoding, nodeId] of surprises) {
      surprises.delete(encoding);
      tried.add(encoding);
      const type = await encodedBy(session, nodeId);
      await learn([type]);
      typeByEncoding.set(encoding, type.toString());
    }
  };

  return {
    types: known,
    learnVariables: async (nodes) => {
      const ofNodes = (await read(nodes, AttributeIds.DataType)).map(({ value }): NodeId | null =>
        value?.value instanceof NodeId ? value.value : null,
      );
      await learn(ofNodes.flatMap((type) => type ?? []));
      const descriptions = ofNodes.map((type) => types.get(type?.toString() ?? ''));
      await learnValues(nodes.filter((_node, position) => isOpen(descriptions[position])));
      return descriptions.map((type) => (type?.kind === 'built-in' ? type.names : null));
    },
  };
}

const builtIn = (dataType: DataType, names: EnumNames | null = null): TypeDescription => ({
  kind: 'built-in',
  dataType,
  names,
});

/** Its values say by themselves of which type they are. */
const isOpen = (type: TypeDescription | undefined): boolean =>
  type === undefined ||
  type.kind === 'undescribed' ||
  (type.kind === 'built-in' && (type.dataType === DataType.ExtensionObject || type.dataType === DataType.Variant));

const forms: Partial<Record<StructureType, Extract<TypeDescription, { kind: 'structure' }>['form']>> = {
  [StructureType.Structure]: 'plain',
  [StructureType.StructureWithOptionalFields]: 'optional',
  [StructureType.Union]: 'union',
  [StructureType.StructureWithSubtypedValues]: 'subtyped',
  [StructureType.UnionWithSubtypedValues]: 'subtyped-union',
};

const structure = ({ structureType, fields }: StructureDefinition): TypeDescription => ({
  kind: 'structure',
  form: forms[structureType] ?? 'plain',
  fields: (fields ?? []).map(
    ({ name, dataType, valueRank, isOptional }): Field => ({
      name: name ?? '',
      type: dataType.toString(),
      rank: valueRank,
      isOptional,
    }),
  ),
});

/** Asks for every part, so that what is not known of it comes up. */
function visit(content: Content): void {
  if (content.kind === 'structure') for (const field of content.fields.values()) visit(field);
  if (content.kind !== 'array') return;
  for (let index = 0; index < content.length; index++) visit(content.at(index));
}
