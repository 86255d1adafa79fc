/** Reads nodes once, as a person wants to see them: the value as the agent would give it, and what the server says of it. */
import { type Micros, qualityClass, qualityName, type Value, type ValueType } from '@fieldline/shared/contracts';
import {
  AttributeIds,
  DataType,
  type DataValue,
  type NodeId,
  type Session,
  type Variant,
  VariantArrayType,
} from '../library.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { dataTypesOf } from '../values/data-types.ts';
import { parseElement } from '../values/element.ts';
import { qualityOf } from '../values/status.ts';
import { microsOf } from '../values/time.ts';
import { type DataPart, readPart, readVariant, type Understanding } from '../values/value.ts';

export type NodeReading = {
  /** null where there is none of the type that is wanted. */
  readonly value: Value | null;
  /** What came, where it has not that type. */
  readonly text: string | null;
  /** As the server sent it: Double, or Double[3]. */
  readonly sentType: string;
  readonly quality: string;
  readonly status: string;
  readonly sourceTime: Micros | null;
  readonly serverTime: Micros | null;
};

export type WantedNode = {
  readonly nodeId: NodeId;
  readonly type: ValueType;
  readonly part?: DataPart | undefined;
  readonly element?: string | undefined;
};

/** Of each node, in their order. */
export async function readNodes(
  session: Session,
  facts: ServerFacts,
  nodes: readonly WantedNode[],
): Promise<NodeReading[]> {
  const { types, learnVariables } = dataTypesOf(session, facts);
  const names = await learnVariables(nodes.map(({ nodeId }) => nodeId));
  const read = await inCalls(
    facts.limits.read,
    nodes,
    async (some): Promise<DataValue[]> =>
      session.read(some.map(({ nodeId }) => ({ nodeId, attributeId: AttributeIds.Value }))),
  );
  return nodes.flatMap((node, position) => {
    const data = read[position];
    return data === undefined ? [] : readingOf(data, node, { element: null, names: names[position] ?? null, types });
  });
}

function readingOf(data: DataValue, { type, part = 'value', element }: WantedNode, whole: Understanding): NodeReading {
  const quality = qualityOf(data.statusCode.value);
  const shared = {
    sentType: sentTypeOf(data.value),
    status: data.statusCode.name,
    sourceTime: microsOf(data.sourceTimestamp, data.sourcePicoseconds),
    serverTime: microsOf(data.serverTimestamp, data.serverPicoseconds),
  };
  if (part === 'value' && qualityClass(quality) === 'bad')
    return { ...shared, value: null, text: null, quality: qualityName(quality) };
  const wanted = { ...whole, element: element === undefined ? null : parseElement(element) };
  const reading = part === 'value' ? readVariant(data.value, type, wanted) : readPart(data, part, type);
  if ('value' in reading) return { ...shared, value: reading.value, text: null, quality: qualityName(quality) };
  return { ...shared, value: null, text: textOf(data.value, whole), quality: reading.bad };
}

function sentTypeOf({ dataType, arrayType, value, dimensions }: Variant): string {
  const name = DataType[dataType];
  if (arrayType === VariantArrayType.Scalar) return name;
  const lengths: unknown = arrayType === VariantArrayType.Matrix ? dimensions : [fieldLength(value)];
  return `${name}[${String(lengths)}]`;
}

const fieldLength = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, 'length') : 0;

function textOf(variant: Variant, whole: Understanding): string {
  const reading = readVariant(variant, 'string', whole);
  return 'value' in reading ? String(reading.value) : '–';
}
