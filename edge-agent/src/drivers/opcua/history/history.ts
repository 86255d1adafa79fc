/** Raw values of the past, in calls that the server can take (OPC 10000-11 6.5.3). */
import type { Micros } from '@fieldline/shared/contracts';
import {
  AttributeIds,
  answerOf,
  type DataValue,
  HistoryData,
  HistoryReadRequest,
  type HistoryReadResponse,
  type NodeId,
  ReadRawModifiedDetails,
  type Session,
  TimestampsToReturn,
} from '../library.ts';
import { type CallLimit, inCalls } from '../session/call-limit.ts';

export type HistorySession = Pick<Session, 'historyRead' | 'read'>;

export type HistoryNode = {
  readonly nodeId: NodeId;
  /** Where the answer before ended; null at the beginning. */
  readonly continuationPoint: Buffer | null;
};

export type HistoryRange = {
  /** null: from the end backwards. */
  readonly from: Micros | null;
  readonly to: Micros;
  /** Values per node in one answer. */
  readonly most: number;
};

export type HistoryAnswer = {
  readonly values: readonly DataValue[];
  /** null: there is no more. */
  readonly continuationPoint: Buffer | null;
  /** Why there is none of this node; null where it was read. */
  readonly refusal: string | null;
};

export const readHistory = (
  session: Pick<Session, 'historyRead'>,
  limit: CallLimit,
  nodes: readonly HistoryNode[],
  range: HistoryRange,
): Promise<HistoryAnswer[]> => inCalls(limit, nodes, (some) => callHistory(session, some, range, false));

/** The server need not keep any longer where these answers ended. */
export const releaseHistory = async (
  session: Pick<Session, 'historyRead'>,
  limit: CallLimit,
  nodes: readonly HistoryNode[],
  range: HistoryRange,
): Promise<void> => {
  const kept = nodes.filter(({ continuationPoint }) => continuationPoint !== null);
  if (kept.length > 0) await inCalls(limit, kept, (some) => callHistory(session, some, range, true));
};

/** Whether the server records the node now: one that has ended may have a history all the same. */
export async function readHistorizing(
  session: Pick<Session, 'read'>,
  limit: CallLimit,
  nodes: readonly NodeId[],
): Promise<boolean[]> {
  const read = await inCalls(
    limit,
    nodes,
    async (some): Promise<DataValue[]> =>
      session.read(some.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Historizing }))),
  );
  return read.map(({ statusCode, value }) => statusCode.isGood() && value?.value === true);
}

/** One call, whatever the server takes. */
export async function callHistory(
  session: Pick<Session, 'historyRead'>,
  nodes: readonly HistoryNode[],
  { from, to, most }: HistoryRange,
  releaseContinuationPoints: boolean,
): Promise<HistoryAnswer[]> {
  const request = new HistoryReadRequest({
    historyReadDetails: new ReadRawModifiedDetails({
      isReadModified: false,
      startTime: from === null ? null : new Date(Math.floor(from / 1_000)),
      endTime: new Date(Math.ceil(to / 1_000)),
      numValuesPerNode: most,
      returnBounds: false,
    }),
    nodesToRead: nodes.map(({ nodeId, continuationPoint }) => ({
      nodeId,
      ...(continuationPoint === null ? {} : { continuationPoint }),
    })),
    releaseContinuationPoints,
    timestampsToReturn: TimestampsToReturn.Both,
  });
  const { results } = await answerOf<HistoryReadResponse>((answer) => session.historyRead(request, answer));
  return (results ?? []).map(({ statusCode, historyData, continuationPoint }) => ({
    values: historyData instanceof HistoryData ? (historyData.dataValues ?? []) : [],
    continuationPoint: (continuationPoint?.length ?? 0) > 0 ? continuationPoint : null,
    refusal: statusCode.isGoodish() ? null : statusCode.name,
  }));
}
