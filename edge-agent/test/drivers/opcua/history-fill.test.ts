import type { Sample } from '@fieldline/shared/contracts';
import {
  DataType,
  DataValue,
  HistoryData,
  type HistoryReadRequest,
  HistoryReadResponse,
  HistoryReadResult,
  ReadRawModifiedDetails,
  resolveNodeId,
  StatusCodes,
} from 'node-opcua';
import { expect, test } from 'vitest';
import type { Gap } from '../../../src/drivers/opcua/history/gap.ts';
import { fillFromHistory } from '../../../src/drivers/opcua/history/history-fill.ts';
import { createItem } from '../../../src/drivers/opcua/items/item.ts';
import { parseNodeName } from '../../../src/drivers/opcua/nodes/node-id.ts';
import { callLimit } from '../../../src/drivers/opcua/session/call-limit.ts';

const atMs = 1_770_000_000_000;
const seconds = (count: number): number => (atMs + count * 1_000) * 1_000;

type Historian = {
  /** Seconds of its values, by the number of the node. */
  readonly recorded: Readonly<Record<number, readonly number[]>>;
  /** Values in one answer. */
  readonly page?: number;
  /** Whether it says where to go on. */
  readonly tellsPlace?: boolean;
  readonly nodesPerCall?: number;
  readonly refusedNode?: number;
  /** The call at which the line is lost. */
  readonly lostAt?: number;
};

/** A historian of numbered nodes: each value is its second. Its places to go on are counted from the start that the request states. */
function historian({ recorded, page = 500, tellsPlace = true, nodesPerCall = 99, refusedNode, lostAt }: Historian) {
  const calls: { nodes: number; release: boolean }[] = [];
  const answerFor = (node: number, place: number | null, request: HistoryReadRequest): HistoryReadResult => {
    if (node === refusedNode) return new HistoryReadResult({ statusCode: StatusCodes.BadHistoryOperationUnsupported });
    const details = request.historyReadDetails;
    if (!(details instanceof ReadRawModifiedDetails)) throw new Error('not a read of raw values');
    const { startTime, endTime, numValuesPerNode } = details;
    const to = ((endTime?.getTime() ?? 0) - atMs) / 1_000;
    const all = (recorded[node] ?? []).filter((second) => second <= to);
    if (startTime === null || startTime.getTime() < 0) return resultOf(all.slice(-1), null);
    const from = (startTime.getTime() - atMs) / 1_000;
    const left = all.filter((second) => second >= from).slice(place ?? 0);
    const given = left.slice(0, Math.min(page, numValuesPerNode));
    const next = (place ?? 0) + given.length;
    return resultOf(given, left.length > given.length && tellsPlace ? Buffer.from(String(next)) : null);
  };
  const resultOf = (given: readonly number[], continuationPoint: Buffer | null): HistoryReadResult =>
    new HistoryReadResult({
      statusCode: StatusCodes.Good,
      ...(continuationPoint === null ? {} : { continuationPoint }),
      historyData: new HistoryData({
        dataValues: given.map(
          (second) =>
            new DataValue({
              value: { dataType: DataType.Double, value: second },
              sourceTimestamp: new Date(atMs + second * 1_000),
            }),
        ),
      }),
    });
  const historyRead = (
    request: HistoryReadRequest,
    answer: (error: Error | null, response?: HistoryReadResponse) => void,
  ): void => {
    const nodes = request.nodesToRead ?? [];
    calls.push({ nodes: nodes.length, release: request.releaseContinuationPoints });
    if (calls.length === lostAt) answer(new Error('Connection Break'));
    else if (nodes.length > nodesPerCall) answer(new Error('BadTooManyOperations'));
    else {
      const results = nodes.map(({ nodeId, continuationPoint }) =>
        answerFor(
          Number(nodeId.value),
          (continuationPoint?.length ?? 0) > 0 ? Number(continuationPoint) : null,
          request,
        ),
      );
      answer(null, new HistoryReadResponse({ results }));
    }
  };
  return { session: { historyRead, read: () => Promise.reject(new Error('not asked for')) } as never, calls };
}

const gapOf = (node: number, from: number, to: number): { gap: Gap; nodeId: ReturnType<typeof resolveNodeId> } => ({
  gap: {
    item: createItem({ device: 'd', tag: `t${node}`, type: 'float64' }, parseNodeName(`i=${node}`), 100),
    from: seconds(from),
    to: seconds(to),
    oursFrom: 0,
    keptUntil: new Map(),
    note: node,
    isReached: false,
  },
  nodeId: resolveNodeId(`i=${node}`),
});

async function fill(server: Historian, gaps: readonly ReturnType<typeof gapOf>[]) {
  const { session, calls } = historian(server);
  const samples: Sample[] = [];
  const missing: string[] = [];
  const filled = fillFromHistory(gaps, {
    session,
    limit: callLimit(null),
    signal: new AbortController().signal,
    keep: async (some) => void samples.push(...some),
    onMissing: ({ item }, { from, to }, reason) => {
      missing.push(`${item.tag.tag} ${from / 1_000_000 - atMs / 1_000}–${to / 1_000_000 - atMs / 1_000}: ${reason}`);
    },
  });
  const outcome = await filled.then(() => 'filled', String);
  const valuesOf = (tag: string): unknown[] => samples.filter((each) => each.tag.tag === tag).map(({ value }) => value);
  return { outcome, calls, missing, valuesOf };
}

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, second) => second);

test('the values between the ends of each gap are given, those at the ends are not', async () => {
  const { valuesOf, missing, outcome } = await fill({ recorded: { 1: upTo(9), 2: upTo(9) } }, [
    gapOf(1, 2, 6),
    gapOf(2, 4, 9),
  ]);
  expect(outcome).toBe('filled');
  expect(valuesOf('t1')).toEqual([3, 4, 5]);
  expect(valuesOf('t2')).toEqual([5, 6, 7, 8]);
  expect(missing).toEqual([]);
});

test('places to go on are used, and given back where the rest is not wanted', async () => {
  const { valuesOf, calls } = await fill({ recorded: { 1: upTo(40), 2: upTo(40) }, page: 4 }, [
    gapOf(1, 0, 12),
    gapOf(2, 0, 30),
  ]);
  expect(valuesOf('t1')).toEqual(upTo(11).slice(1));
  expect(valuesOf('t2')).toEqual(upTo(29).slice(1));
  expect(calls.at(-1)).toEqual({ nodes: 1, release: true });
});

test('an answer that was cut at its limit without a place to go on is continued from its last value', async () => {
  const { valuesOf, missing } = await fill({ recorded: { 1: upTo(1_400), 2: upTo(700) }, tellsPlace: false }, [
    gapOf(1, 0, 1_300),
    gapOf(2, 0, 600),
  ]);
  expect(valuesOf('t1')).toEqual(upTo(1_299).slice(1));
  expect(valuesOf('t2')).toEqual(upTo(599).slice(1));
  expect(missing).toEqual([]);
});

test('a history that begins within the gap gives what it has; what was before is missing', async () => {
  const { valuesOf, missing } = await fill({ recorded: { 1: [5, 6, 7], 2: [] } }, [gapOf(1, 2, 7), gapOf(2, 2, 7)]);
  expect(valuesOf('t1')).toEqual([5, 6]);
  expect(missing.toSorted()).toEqual([
    't1 2–5: the history begins later',
    't2 2–7: the history has nothing of this time',
  ]);
});

test('a node that the server refuses does not stop the others', async () => {
  const { valuesOf, missing } = await fill({ recorded: { 1: upTo(9), 2: upTo(9) }, refusedNode: 1 }, [
    gapOf(1, 2, 6),
    gapOf(2, 2, 6),
  ]);
  expect(valuesOf('t2')).toEqual([3, 4, 5]);
  expect(missing).toEqual(['t1 2–6: BadHistoryOperationUnsupported']);
});

test('a server that takes fewer nodes in a call is asked for fewer', async () => {
  const nodes = [1, 2, 3, 4, 5];
  const recorded = Object.fromEntries(nodes.map((node) => [node, upTo(5)]));
  const { valuesOf, calls } = await fill(
    { recorded, nodesPerCall: 2 },
    nodes.map((node) => gapOf(node, 0, 3)),
  );
  for (const node of nodes) expect(valuesOf(`t${node}`)).toEqual([1, 2]);
  expect(calls.slice(0, 2).map((call) => call.nodes)).toEqual([5, 2]);
});

test('what was read before the line was lost is not read again', async () => {
  const gap = gapOf(1, 0, 20);
  const first = await fill({ recorded: { 1: upTo(30) }, page: 5, lostAt: 4 }, [gap]);
  expect(first.outcome).toContain('Connection Break');
  expect(first.valuesOf('t1')).toEqual(upTo(9).slice(1));
  const second = await fill({ recorded: { 1: upTo(30) } }, [gap]);
  expect(second.valuesOf('t1')).toEqual(upTo(19).slice(10));
  expect([...first.missing, ...second.missing]).toEqual([]);
});
