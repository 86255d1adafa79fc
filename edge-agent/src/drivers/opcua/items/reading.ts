/**
 * Cyclic reads, for what a server has no subscription for. Invariants:
 *  - one call at a time, with no more nodes than the server takes;
 *  - turns lie on a grid: a late read delays no later one, and a turn that is missed altogether is counted, not made up for;
 *  - ends only by rejecting: the connection is of no more use.
 */
import { type Clock, pause } from '@fieldline/shared/runtime';
import { AttributeIds, type DataValue, type NodeId, type Session } from '../library.ts';
import { type CallLimit, inCalls } from '../session/call-limit.ts';
import type { Item } from './item.ts';

export type Read = { readonly item: Item; readonly nodeId: NodeId };
export type ReadValue = { readonly item: Item; readonly value: DataValue };

/** Items that are read at one interval. */
export type ReadGroup = {
  readonly everyMs: number;
  /** Those that the server has at the moment. */
  readonly reads: () => readonly Read[];
  /** Synchronous. */
  readonly take: (values: readonly ReadValue[]) => void;
  readonly onMissed: (turns: number) => void;
};

/** Where nothing is read for longer, the session is kept alive, and a server that has stopped is noticed. */
const keepAliveEveryMs = 5_000;
const serverState = 'i=2259';

export async function readUntilLost(
  session: Pick<Session, 'read'>,
  groups: readonly ReadGroup[],
  parts: {
    readonly limit: CallLimit;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onAlive: () => void;
  },
): Promise<never> {
  const { limit, clock, signal, onAlive } = parts;
  const turns = groups.map((group) => ({ group, dueMs: clock.monotonicMs() }));
  for (;;) {
    const turn = turns.reduce((first, each) => (each.dueMs < first.dueMs ? each : first));
    const waitMs = Math.max(0, turn.dueMs - clock.monotonicMs());
    await pause(Math.min(waitMs, keepAliveEveryMs), signal);
    signal.throwIfAborted();
    if (waitMs > keepAliveEveryMs) {
      await session.read({ nodeId: serverState, attributeId: AttributeIds.Value });
      onAlive();
      continue;
    }
    const { group } = turn;
    // A value that the server has got since the turn before is new enough.
    group.take(await readValues(session, group.reads(), { limit, maxAgeMs: group.everyMs }));
    onAlive();
    const missed = Math.floor((clock.monotonicMs() - turn.dueMs) / group.everyMs);
    if (missed > 0) group.onMissed(missed);
    turn.dueMs += (missed + 1) * group.everyMs;
  }
}

/** `maxAgeMs`: how old a value may be that the server has at hand; 0 makes it ask its device. */
export async function readValues(
  session: Pick<Session, 'read'>,
  reads: readonly Read[],
  { limit, maxAgeMs }: { readonly limit: CallLimit; readonly maxAgeMs: number },
): Promise<ReadValue[]> {
  const values = await inCalls(limit, reads, async (some): Promise<DataValue[]> => {
    const nodes = some.map(({ nodeId }) => ({ nodeId, attributeId: AttributeIds.Value }));
    return session.read(nodes, maxAgeMs);
  });
  return reads.flatMap(({ item }, position) => {
    const value = values[position];
    return value === undefined ? [] : { item, value };
  });
}
