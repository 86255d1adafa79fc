/** Reads nodes of an OPC UA server once. */
import type { OpcuaTag } from '@fieldline/shared/config';
import { FieldlineError, type Micros, type ValueType } from '@fieldline/shared/contracts';
import { parseAddress, resolveAddresses } from '../../drivers/opcua/nodes/node-address.ts';
import { type NodeReading, readNodes, type WantedNode } from '../../drivers/opcua/nodes/read-nodes.ts';
import { describeVariables } from '../../drivers/opcua/nodes/variables.ts';
import { type HandSession, withSession } from '../../drivers/opcua/session/by-hand.ts';
import { columns } from '../columns.ts';
import type { FieldParts } from '../field-parts.ts';
import type { OpcuaTarget } from '../opcua-target.ts';
import { valueText } from './read.ts';

/** A tag of the settings, or a node: of that the server says the type. */
export type WantedTag = Pick<OpcuaTag, 'tag' | 'node' | 'path' | 'unit' | 'part' | 'element'> & {
  readonly type: ValueType | null;
};

/** @throws FieldlineError device/… also where the server gives no value at all */
export async function readOpcua(
  { device, certificateFolder }: OpcuaTarget,
  wanted: readonly WantedTag[],
  { say, signal }: Pick<FieldParts, 'say' | 'signal'>,
): Promise<void> {
  const rows = await withSession(device, certificateFolder, signal, (opened) =>
    readRows(opened, device.namespace, wanted),
  );
  for (const line of columns([heading, ...rows.map(rowOf)])) say(line);
  const [first] = rows;
  if (first === undefined || rows.some(({ isGiven }) => isGiven)) return;
  throw new FieldlineError('device/exception', `the server gave no value; of ${first.tag}: ${first.status}`);
}

type Row = Pick<NodeReading, 'quality' | 'status' | 'sentType' | 'sourceTime' | 'serverTime'> & {
  readonly tag: string;
  readonly value: string;
  readonly isGiven: boolean;
};

async function readRows(
  { session, facts }: HandSession,
  namespace: string | undefined,
  wanted: readonly WantedTag[],
): Promise<Row[]> {
  const named = wanted.map((tag) => ({ tag, node: parseAddress(tag, namespace) }));
  const places = await resolveAddresses(session, named, facts);
  const found = places.flatMap(({ item, resolved }) =>
    'nodeId' in resolved ? [{ ...item.tag, nodeId: resolved.nodeId }] : [],
  );
  const readings = (await readNodes(session, facts, await withTypes({ session, facts }, found))).values();
  return places.map(({ item: { tag }, resolved }): Row => {
    const reading = 'nodeId' in resolved ? readings.next().value : undefined;
    if (reading !== undefined) return { ...reading, tag: tag.tag, ...shownValue(reading, tag.unit) };
    const status = 'reason' in resolved ? resolved.reason : 'the server did not answer';
    return {
      tag: tag.tag,
      value: '–',
      isGiven: false,
      quality: 'bad/address',
      status,
      sentType: '',
      sourceTime: null,
      serverTime: null,
    };
  });
}

/** What states no type is read as the type that the server says. */
async function withTypes(
  { session, facts }: HandSession,
  nodes: readonly (Omit<WantedNode, 'type'> & { readonly type: ValueType | null })[],
): Promise<WantedNode[]> {
  const open = nodes.filter(({ type }) => type === null);
  const described = await describeVariables(
    session,
    facts,
    open.map(({ nodeId }) => nodeId),
  );
  const typeOf = new Map(open.map((node, position) => [node, described[position]?.type]));
  return nodes.map((node) => ({ ...node, type: node.type ?? typeOf.get(node) ?? 'string' }));
}

const shownValue = ({ value, text }: NodeReading, unit = '') => ({
  value: `${value === null ? (text ?? '–') : valueText(value, false)} ${unit}`.trim(),
  isGiven: value !== null || text !== null,
});

const heading = ['tag', 'value', 'type', 'quality', 'status', 'source time', 'server time'];

const rowOf = ({ tag, value, sentType, quality, status, sourceTime, serverTime }: Row): string[] => [
  tag,
  value,
  sentType,
  quality,
  status,
  timeText(sourceTime),
  timeText(serverTime),
];

/** To the microsecond. */
function timeText(time: Micros | null): string {
  if (time === null) return '–';
  const micros = String(time % 1_000).padStart(3, '0');
  return new Date(Math.floor(time / 1_000)).toISOString().replace('Z', `${micros}Z`);
}
