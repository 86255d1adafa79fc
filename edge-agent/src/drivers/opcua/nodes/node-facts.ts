/** What must be known of a node before it is written. */

import { perform } from '../commands/perform.ts';
import type { Live } from '../connection.ts';
import {
  AttributeIds,
  DataValue,
  NodeId,
  type NumericRange,
  ReadRequest,
  ReadResponse,
  TimestampsToReturn,
  type Variant,
} from '../library.ts';
import { inCalls } from '../session/call-limit.ts';

export type NodeFacts = {
  readonly value: DataValue;
  /** null: the server does not tell. */
  readonly dataType: NodeId | null;
  readonly valueRank: number | null;
  readonly accessLevel: number | null;
  readonly userAccessLevel: number | null;
};

/** `isAway`: the server has not answered at all. */
export type Unread = { readonly why: string; readonly isAway: boolean };

class Away extends Error {}

const wanted = [
  AttributeIds.Value,
  AttributeIds.DataType,
  AttributeIds.ValueRank,
  AttributeIds.AccessLevel,
  AttributeIds.UserAccessLevel,
];

export async function readNodeFacts(live: Live, nodeId: NodeId, timeoutMs: number): Promise<NodeFacts | Unread> {
  const read = await readAttributes(live, nodeId, wanted, timeoutMs);
  if ('why' in read) return read;
  const [value = new DataValue(), ...others] = read;
  const [dataType, valueRank, accessLevel, userAccessLevel] = others.map(stated);
  return {
    value,
    dataType: dataType instanceof NodeId ? dataType : null,
    valueRank: numberOf(valueRank),
    accessLevel: numberOf(accessLevel),
    userAccessLevel: numberOf(userAccessLevel),
  };
}

const stated = (data: DataValue): unknown => (data.statusCode.isGood() ? data.value?.value : null);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** As fresh as the server can: maxAge 0 (OPC 10000-4 5.11.2.2). */
export async function readAttributes(
  { session, facts }: Live,
  nodeId: NodeId,
  attributeIds: readonly AttributeIds[],
  timeoutMs: number,
): Promise<readonly DataValue[] | Unread> {
  try {
    return await inCalls(facts.limits.read, attributeIds, async (some) => {
      const nodesToRead = some.map((attributeId) => ({ nodeId, attributeId }));
      const request = new ReadRequest({ maxAge: 0, nodesToRead, timestampsToReturn: TimestampsToReturn.Both });
      const read = await perform(session, request, ReadResponse, timeoutMs);
      if (read.kind === 'answered') return read.answer.results ?? [];
      throw read.kind === 'refused' ? new Error(`the server refuses it with ${read.status.name}`) : new Away(read.why);
    });
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error), isAway: error instanceof Away };
  }
}

/** What stands in a part of an array; null: the server does not tell. */
export async function readElements(
  { session }: Live,
  nodeId: NodeId,
  indexRange: NumericRange,
  timeoutMs: number,
): Promise<Variant | null> {
  const nodesToRead = [{ nodeId, attributeId: AttributeIds.Value, indexRange }];
  const read = await perform(session, new ReadRequest({ maxAge: 0, nodesToRead }), ReadResponse, timeoutMs);
  const [data] = read.kind === 'answered' ? (read.answer.results ?? []) : [];
  return data?.statusCode.isGood() ? (data.value ?? null) : null;
}
