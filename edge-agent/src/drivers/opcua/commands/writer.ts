/** Writes tags: reads what the node holds and takes, makes exactly such a value, asks for leave, writes once. */
import type { OpcuaWriteRules } from '@fieldline/shared/config/opcua-write';
import { type Micros, qualityCode, qualityName, type Sample, type Tag, type Value } from '@fieldline/shared/contracts';
import type { TagWriter, WriteOrder, WriteResult } from '../../driver.ts';
import type { Connection, Live } from '../connection.ts';
import { type Item, readingOf } from '../items/item.ts';
import { AttributeIds, type DataValue, type NodeId, WriteRequest, WriteResponse } from '../library.ts';
import { resolveAddresses } from '../nodes/node-address.ts';
import { type NodeFacts, readAttributes, readElements, readNodeFacts, type Unread } from '../nodes/node-facts.ts';
import { builtInTypeOf } from '../values/data-type.ts';
import { learnItems } from '../values/learn-items.ts';
import { microsOf } from '../values/time.ts';
import { type Refused, refused } from './exact-variant.ts';
import { perform } from './perform.ts';
import { prepareWrite, type ReadRange } from './prepare.ts';
import { judge } from './verdict.ts';

/** A tag that may be written, and where. */
export type WriteTarget = {
  readonly item: Item;
  readonly rules: OpcuaWriteRules;
  readonly connection: Pick<Connection, 'live'>;
  readonly timeoutMs: number;
};

export function createWriter(targets: readonly WriteTarget[], now: () => Micros): TagWriter {
  const byTag = new Map(targets.map((target) => [target.item.tag, target]));
  const targetOf = (tag: Tag): WriteTarget => {
    const target = byTag.get(tag);
    if (target === undefined) throw new Error(`${tag.device}/${tag.tag} is not writable`);
    return target;
  };
  return {
    write: (tag, order) => write(targetOf(tag), order),
    read: (tag) => read(targetOf(tag), now),
  };
}

async function write(target: WriteTarget, order: WriteOrder): Promise<WriteResult> {
  const { item, timeoutMs } = target;
  const place = await placeOf(target);
  if ('problem' in place) return notSent(place, null);
  const { live, nodeId } = place;
  await learnItems(live.session, live.facts, [{ item, nodeId }]);
  const facts = await readNodeFacts(live, nodeId, timeoutMs);
  if ('why' in facts) return notSent(unread(facts), null);
  const { value: before, quality } = readingOf(facts.value, item);
  const barrier = barrierOf(facts, qualityName(quality));
  if (barrier !== null) return notSent(barrier, before);
  const type = await builtInTypeOf(live.session, facts.dataType, facts.value.value ?? null);
  const readRange: ReadRange = (range) => readElements(live, nodeId, range, timeoutMs);
  const prepared = await prepareWrite(type, order.value, facts, target, readRange);
  if ('problem' in prepared) return notSent(prepared, before);
  const problem = order.permit(before);
  if (problem !== null) return notSent({ problem }, before);
  // The value alone: many servers cannot be told its status or its times (BadWriteNotSupported, OPC 10000-4 5.11.4).
  const { variant, indexRange } = prepared;
  const range = indexRange === undefined ? {} : { indexRange };
  const nodesToWrite = [{ nodeId, attributeId: AttributeIds.Value, ...range, value: { value: variant } }];
  const sent = await perform(live.session, new WriteRequest({ nodesToWrite }), WriteResponse, timeoutMs);
  const verdict = judge(sent, ({ results }) => results?.[0]);
  return { ...verdict, before, written: verdict.kind === 'not-sent' ? null : prepared.written };
}

async function read(target: WriteTarget, now: () => Micros): Promise<Sample> {
  const { item, timeoutMs } = target;
  const place = await placeOf(target);
  const none = (name: Parameters<typeof qualityCode>[0]): Sample => ({
    ...{ tag: item.tag, time: now(), value: null, quality: qualityCode(name) },
  });
  if ('problem' in place) return none('bad/not-connected');
  const values = await readAttributes(place.live, place.nodeId, [AttributeIds.Value], timeoutMs);
  const data = 'why' in values ? undefined : values[0];
  if (data === undefined) return none('bad/timeout');
  return { tag: item.tag, time: timeOf(data) ?? now(), ...readingOf(data, item) };
}

const unread = ({ why, isAway }: Unread): Refused =>
  refused(isAway ? 'not-connected' : 'not-readable', `read before the write: ${why}`);

const timeOf = (data: DataValue): Micros | null =>
  microsOf(data.sourceTimestamp, data.sourcePicoseconds) ?? microsOf(data.serverTimestamp, data.serverPicoseconds);

const notSent = ({ problem }: Refused, before: Value | null): WriteResult => ({
  kind: 'not-sent',
  problem,
  before,
  written: null,
});

/** Looked up each time: a server that was restarted may have numbered its nodes anew. */
export async function placeOf({
  connection,
  item,
}: WriteTarget): Promise<Refused | { readonly live: Live; readonly nodeId: NodeId }> {
  const live = connection.live();
  if ('away' in live) return refused('not-connected', live.away);
  try {
    const [found] = await resolveAddresses(live.session, [item], live.facts);
    const resolved = found?.resolved ?? { reason: item.node.text };
    return 'nodeId' in resolved ? { live, nodeId: resolved.nodeId } : refused('not-readable', resolved.reason);
  } catch (error) {
    return refused(
      'not-connected',
      `${item.node.text} cannot be looked up: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const currentRead = 0x01;
const currentWrite = 0x02;

/**
 * What stands in the way of any value. A node that holds no value at the moment may be given one. A level that denies the reading that
 * has just been done is one that the server does not keep: then its answer to the write is what counts.
 */
function barrierOf({ value, accessLevel, userAccessLevel }: NodeFacts, quality: string): Refused | null {
  if (['bad/address', 'bad/refused', 'bad/timeout', 'bad/not-connected'].includes(quality)) {
    return refused('not-readable', `the server answers its reading with ${value.statusCode.name}`);
  }
  const denies = (level: number | null): boolean =>
    level !== null && (level & currentRead) !== 0 && (level & currentWrite) === 0;
  if (denies(accessLevel)) return refused('not-writable', 'nobody may write this node (AccessLevel)');
  if (denies(userAccessLevel)) {
    return refused('not-writable', 'the user of this session may not write this node: give the right on the server');
  }
  return null;
}
