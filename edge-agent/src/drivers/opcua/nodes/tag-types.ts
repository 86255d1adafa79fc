/** The data types of a server as types of tags: a type that it has made is known by the built-in one that it is derived from. */
import type { ValueType } from '@fieldline/shared/contracts';
import type { NodeId, Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { browseChildren, subtypeReferences } from './browse.ts';

/** Identifiers in namespace 0 (OPC 10000-6 5.1.2, OPC 10000-3 8); structures have no single value. */
const known = new Map<unknown, ValueType>([
  [1, 'bool'],
  [2, 'int8'],
  [3, 'uint8'],
  [4, 'int16'],
  [5, 'uint16'],
  [6, 'int32'],
  [7, 'uint32'],
  [8, 'int64'],
  [9, 'uint64'],
  [10, 'float32'],
  [11, 'float64'],
  [12, 'string'], // String
  [13, 'string'], // DateTime
  [14, 'string'], // Guid
  [15, 'string'], // ByteString
  [16, 'string'], // XmlElement
  [17, 'string'], // NodeId
  [18, 'string'], // ExpandedNodeId
  [19, 'string'], // StatusCode
  [20, 'string'], // QualifiedName
  [21, 'string'], // LocalizedText
  [26, 'float64'], // Number
  [27, 'int64'], // Integer
  [28, 'uint64'], // UInteger
  [29, 'int32'], // Enumeration
]);

const knownType = (dataType: NodeId): ValueType | null =>
  dataType.namespace === 0 ? (known.get(dataType.value) ?? null) : null;

/** A type that is derived more often than this is none. */
const mostLevels = 20;

/** By the text of the data type; what is not in it has no type of a tag: structures, and what a server does not tell. */
export async function typesOf(
  session: Session,
  facts: ServerFacts,
  dataTypes: readonly NodeId[],
): Promise<ReadonlyMap<string, ValueType>> {
  const types = new Map<string, ValueType>();
  /** Of each type that is asked for, how far up its ancestors are known. */
  let open = new Map(dataTypes.map((dataType) => [String(dataType), dataType]));
  for (let level = 0; level < mostLevels && open.size > 0; level += 1) {
    for (const [text, ancestor] of open) {
      const type = knownType(ancestor);
      if (type !== null) types.set(text, type);
    }
    open = new Map([...open].filter(([text]) => !types.has(text)));
    open = await parentsOf(session, facts, open);
  }
  return types;
}

async function parentsOf(
  session: Session,
  facts: ServerFacts,
  open: ReadonlyMap<string, NodeId>,
): Promise<Map<string, NodeId>> {
  const entries = [...open];
  const above = await browseChildren(
    session,
    entries.map(([, ancestor]) => ancestor),
    { limit: facts.limits.browse, references: subtypeReferences, direction: 'inverse' },
  );
  return new Map(
    entries.flatMap(([text], position): [string, NodeId][] => {
      const parent = above[position]?.children[0];
      return parent === undefined ? [] : [[text, parent.nodeId]];
    }),
  );
}
