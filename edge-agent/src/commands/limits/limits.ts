/** What a server states of its limits, and what it takes, side by side. */
import { FieldlineError } from '@fieldline/shared/contracts';
import { callHistory, readHistorizing, releaseHistory } from '../../drivers/opcua/history/history.ts';
import type { ItemFilter } from '../../drivers/opcua/items/item-filter.ts';
import { deleteSubscription } from '../../drivers/opcua/items/transfer.ts';
import type { NodeId, Session } from '../../drivers/opcua/library.ts';
import { parseNodeName, resolveNode } from '../../drivers/opcua/nodes/node-id.ts';
import { type HandSession, withSession } from '../../drivers/opcua/session/by-hand.ts';
import {
  createItems,
  createProbe,
  itemsPerCall,
  itemsPerSubscription,
  type Measured,
  nodesPerHistoryRead,
  nodesPerRead,
  subscriptionsPerSession,
  transferAnswer,
} from '../../drivers/opcua/session/measure-limits.ts';
import { readStatedLimits } from '../../drivers/opcua/session/server-facts.ts';
import { columns } from '../columns.ts';
import type { FieldParts } from '../field-parts.ts';
import type { OpcuaTarget } from '../opcua-target.ts';

export type LimitsWish = { readonly node: string; readonly most: number };
type Parts = Pick<FieldParts, 'say' | 'progress' | 'signal'>;

/** A server that gives more to one session has enough. */
const mostSubscriptions = 50;

/** @throws FieldlineError device/… */
export const showLimits = (target: OpcuaTarget, wish: LimitsWish, parts: Parts): Promise<void> =>
  withSession(target.device, target.certificateFolder, parts.signal, (opened) => show(opened, wish, parts));

async function show({ session, facts }: HandSession, { node, most }: LimitsWish, { say, progress }: Parts) {
  const found = resolveNode(parseNodeName(node), facts.namespaces);
  if ('reason' in found) throw new FieldlineError('device/exception', found.reason);
  const { nodeId } = found;
  const { stated } = await readStatedLimits(session);
  progress('reading more and more nodes at once');
  const perRead = await nodesPerRead(session, nodeId, most);
  progress('watching more and more items at once');
  const perCall = await itemsPerCall(session, nodeId, most);
  const items = await itemsPerSubscription(session, nodeId, { perCall: Math.max(1, perCall.most), bound: most });
  progress('making subscriptions, reading history');
  const subscriptions = await subscriptionsPerSession(session, mostSubscriptions);
  const rows = [
    ['', 'STATED', 'MEASURED'],
    ['nodes per read', statedText(stated.nodesPerRead), measuredText(perRead)],
    ['items per call', statedText(stated.itemsPerCall), measuredText(perCall)],
    ['items per subscription', statedText(stated.itemsPerSubscription), measuredText(items)],
    ['subscriptions per session', statedText(stated.subscriptionsPerSession), measuredText(subscriptions)],
    ...(await historyRows(session, nodeId, stated.nodesPerHistoryRead, most)),
    ...(await grantedRows(session, nodeId)),
  ];
  for (const line of columns(rows)) say(line);
}

const statedText = (limit: number | null): string => (limit === null ? 'none' : String(limit));
const measuredText = ({ most, isRefusedBeyond }: Measured): string =>
  isRefusedBeyond ? String(most) : `${most} or more`;

/** Whether there is one, from when on, and how many nodes may be asked for at once. */
async function historyRows(session: Session, nodeId: NodeId, stated: number | null, most: number): Promise<string[][]> {
  const limit = { atOnce: 1 };
  const row = (text: string, measured = ''): string[][] => [
    ['nodes per history read', statedText(stated), measured],
    ['history of the node', '', text],
  ];
  const [isRecorded = false] = await readHistorizing(session, limit, [nodeId]);
  const recorded = isRecorded ? 'kept' : 'not kept';
  const range = { from: 0, to: Date.now() * 1_000, most: 1 };
  try {
    const [answer] = await callHistory(session, [{ nodeId, continuationPoint: null }], range, false);
    if (answer === undefined || answer.refusal !== null) return row(`${recorded} (${answer?.refusal ?? 'no answer'})`);
    const { values, continuationPoint } = answer;
    await releaseHistory(session, limit, [{ nodeId, continuationPoint }], range);
    const oldest = values[0]?.sourceTimestamp?.toISOString();
    const measured = measuredText(await nodesPerHistoryRead(session, nodeId, most));
    if (oldest === undefined) return row(isRecorded ? 'kept, it has no value yet' : 'not kept', measured);
    return row(`${recorded}, since ${oldest}`, measured);
  } catch (error) {
    const name = /Bad\w+/.exec(error instanceof Error ? error.message : '')?.[0];
    if (name === undefined) throw error;
    return row(`${recorded} (${name})`);
  }
}

async function grantedRows(session: Session, nodeId: NodeId): Promise<string[][]> {
  const { subscriptionId, publishingMs, lifetimeMs } = await createProbe(session, 1);
  const item = async (asked: Parameters<typeof createItems>[3]) =>
    (await createItems(session, subscriptionId, nodeId, asked))[0];
  const filtered = async (deadband: ItemFilter['deadband']): Promise<string> => {
    const status = (await item({ filter: { trigger: 'status-value', deadband } }))?.statusCode;
    return status?.isGood() ? 'yes' : `no (${status?.name})`;
  };
  try {
    const fastest = await item({ samplingMs: 0, queueSize: 10_000 });
    const slower = await item({ samplingMs: 1 });
    return [
      ['publishing every', '', `${publishingMs} ms, where 1 was asked for; forgotten after ${lifetimeMs / 1_000} s`],
      [
        'sampling every',
        '',
        `${slower?.revisedSamplingInterval} ms for 1, ${fastest?.revisedSamplingInterval} ms for 0`,
      ],
      ['queue of an item', '', `${fastest?.revisedQueueSize}, where 10000 were asked for`],
      ['absolute deadband', '', await filtered({ kind: 'absolute', value: 1 })],
      ['percent deadband', '', await filtered({ kind: 'percent', value: 1 })],
      ['transfer', '', await transferAnswer(session, subscriptionId)],
    ];
  } finally {
    await deleteSubscription(session, subscriptionId);
  }
}
