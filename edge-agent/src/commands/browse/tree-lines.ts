/** What was found, as a tree: a line each, with kind, type, node id and, where they are wanted, values. */

import { AttributeIds, type DataValue, type NodeId } from '../../drivers/opcua/library.ts';
import { nodeText } from '../../drivers/opcua/nodes/node-id.ts';
import { type NodeReading, readNodes } from '../../drivers/opcua/nodes/read-nodes.ts';
import type { VariableFacts } from '../../drivers/opcua/nodes/variables.ts';
import type { Place } from '../../drivers/opcua/nodes/walk.ts';
import type { HandSession } from '../../drivers/opcua/session/by-hand.ts';
import { inCalls } from '../../drivers/opcua/session/call-limit.ts';
import { columns } from '../columns.ts';
import { valueText } from '../read/read.ts';

export async function treeLines(
  opened: HandSession,
  places: readonly Place[],
  factsOf: ReadonlyMap<Place, VariableFacts>,
  withValues: boolean,
): Promise<string[]> {
  const { facts } = opened;
  const typeNames = await namesOf(
    opened,
    places.flatMap(({ kind, type }) => (kind === 'object' && type !== null ? [type] : [])),
  );
  const values = withValues ? await valuesOf(opened, factsOf) : new Map<Place, string>();
  const below = Map.groupBy(places, ({ parent }) => parent);
  const rows: string[][] = [];
  const add = (place: Place, level: number): void => {
    const described = factsOf.get(place);
    const type = described === undefined ? (typeNames.get(String(place.type)) ?? '') : typeText(described);
    const row = [`${'  '.repeat(level)}${place.name}`, place.kind, type, nodeText(place.nodeId, facts.namespaces)];
    rows.push(withValues ? [...row, values.get(place) ?? ''] : row);
    for (const child of below.get(place) ?? []) add(child, level + 1);
  };
  for (const place of places) if (place.parent?.parent === null) add(place, 0);
  return columns(rows);
}

const typeText = ({ elementType, isArray, unit = '' }: VariableFacts): string =>
  `${elementType ?? 'structure'}${isArray ? '[]' : ''} ${unit}`.trim();

/** By the text of the node. */
async function namesOf(
  { session, facts }: HandSession,
  nodes: readonly NodeId[],
): Promise<ReadonlyMap<string, string>> {
  const distinct = [...new Map(nodes.map((node) => [String(node), node]))];
  const names = await inCalls(
    facts.limits.read,
    distinct,
    async (some): Promise<DataValue[]> =>
      session.read(some.map(([, nodeId]) => ({ nodeId, attributeId: AttributeIds.BrowseName }))),
  );
  return new Map(distinct.map(([text], position) => [text, nameIn(names[position])]));
}

function nameIn(data: DataValue | undefined): string {
  const value: unknown = data?.value?.value;
  const name: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'name') : null;
  return typeof name === 'string' ? name : '';
}

async function valuesOf(
  { session, facts }: HandSession,
  factsOf: ReadonlyMap<Place, VariableFacts>,
): Promise<Map<Place, string>> {
  const variables = [...factsOf];
  const readings = await readNodes(
    session,
    facts,
    variables.map(([{ nodeId }, { type }]) => ({ nodeId, type })),
  );
  return new Map(variables.map(([place], position) => [place, readingText(readings[position])]));
}

/** A value of a screen's width tells enough. */
const mostCharacters = 60;

function readingText(reading: NodeReading | undefined): string {
  if (reading === undefined) return '';
  const { value, text, status } = reading;
  if (value === null && text === null) return status;
  const whole = value === null ? (text ?? '') : valueText(value, false);
  return whole.length > mostCharacters ? `${whole.slice(0, mostCharacters)}…` : whole;
}
