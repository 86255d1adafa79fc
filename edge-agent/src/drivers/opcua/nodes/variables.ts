/** What a server says of its variables beside their values, in the words of a tag: type, unit, limits, description. */
import type { ValueType } from '@fieldline/shared/contracts';
import { AttributeIds, type DataValue, NodeId, type Session } from '../library.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { propertyReferences } from './browse.ts';
import { translate } from './node-path.ts';
import { typesOf } from './tag-types.ts';

export type VariableFacts = {
  /** Of a tag that takes all of its value: arrays and structures become text. */
  readonly type: ValueType;
  /** The type of an element of an array; null of a structure. */
  readonly elementType: ValueType | null;
  readonly isArray: boolean;
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
};

/** Of each variable, in their order. */
export async function describeVariables(
  session: Session,
  facts: ServerFacts,
  variables: readonly NodeId[],
): Promise<VariableFacts[]> {
  const [dataTypes, ranks, descriptions] = await attributesOf(session, facts, variables);
  const types = await typesOf(session, facts, dataTypes.flatMap(nodeIdIn));
  const properties = await propertiesOf(session, facts, variables);
  return variables.map((_variable, position): VariableFacts => {
    const [dataType] = nodeIdIn(dataTypes[position]);
    const rank = contentOf(ranks[position]);
    const { unit, range } = properties[position] ?? {};
    const elementType = (dataType === undefined ? undefined : types.get(String(dataType))) ?? null;
    // -1 is a scalar, -2 and -3 may be one (OPC 10000-3 5.6.2).
    const isArray = typeof rank === 'number' && rank >= 0;
    return {
      type: isArray ? 'string' : (elementType ?? 'string'),
      elementType,
      isArray,
      ...textField('unit', localizedText(fieldIn(contentOf(unit), 'displayName')), mostUnitCharacters),
      ...rangeIn(range),
      ...textField('description', localizedText(contentOf(descriptions[position])), mostDescriptionCharacters),
    };
  });
}

/** As the settings allow. */
const mostUnitCharacters = 64;
const mostDescriptionCharacters = 512;

const attributes = [AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.Description] as const;

async function attributesOf(
  session: Session,
  facts: ServerFacts,
  variables: readonly NodeId[],
): Promise<[DataValue[], DataValue[], DataValue[]]> {
  const wanted = attributes.flatMap((attributeId) => variables.map((nodeId) => ({ nodeId, attributeId })));
  const read = await inCalls(facts.limits.read, wanted, async (some): Promise<DataValue[]> => session.read([...some]));
  const part = (index: number): DataValue[] => read.slice(index * variables.length, (index + 1) * variables.length);
  return [part(0), part(1), part(2)];
}

type Properties = { readonly unit: DataValue | undefined; readonly range: DataValue | undefined };

const propertyNames = ['EngineeringUnits', 'EURange'] as const;

/** Properties are nodes of their own: looked up by their names, then read. */
async function propertiesOf(session: Session, facts: ServerFacts, variables: readonly NodeId[]): Promise<Properties[]> {
  const asked = variables.flatMap((start) =>
    propertyNames.map((name) => ({ start, references: propertyReferences, names: [{ namespaceIndex: 0, name }] })),
  );
  const found = await inCalls(facts.limits.translate, asked, (some) => translate(session, some));
  const places = found.flatMap(({ nodeIds: [nodeId] }, position) =>
    nodeId === undefined ? [] : [{ nodeId, position }],
  );
  const values = await inCalls(
    facts.limits.read,
    places,
    async (some): Promise<DataValue[]> =>
      session.read(some.map(({ nodeId }) => ({ nodeId, attributeId: AttributeIds.Value }))),
  );
  const byPosition = new Map(places.map(({ position }, index) => [position, values[index]]));
  return variables.map((_variable, position) => ({
    unit: byPosition.get(position * propertyNames.length),
    range: byPosition.get(position * propertyNames.length + 1),
  }));
}

const contentOf = (data: DataValue | undefined): unknown => data?.value?.value;

const nodeIdIn = (data: DataValue | undefined): NodeId[] => {
  const value = contentOf(data);
  return value instanceof NodeId ? [value] : [];
};

function localizedText(value: unknown): string {
  const text = fieldIn(value, 'text');
  return typeof text === 'string' ? text.trim() : '';
}

const fieldIn = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const textField = <Name extends string>(name: Name, text: string, most: number): { [key in Name]?: string } =>
  text === '' ? {} : ({ [name]: [...text].slice(0, most).join('') } as { [key in Name]: string });

/** A range of 0 to 0 says nothing: many servers have it where nobody stated one. */
function rangeIn(data: DataValue | undefined): { readonly minimum?: number; readonly maximum?: number } {
  const value = contentOf(data);
  const [low, high] = [fieldIn(value, 'low'), fieldIn(value, 'high')];
  if (typeof low !== 'number' || typeof high !== 'number' || !(low < high)) return {};
  return Number.isFinite(low) && Number.isFinite(high) ? { minimum: low, maximum: high } : {};
}
