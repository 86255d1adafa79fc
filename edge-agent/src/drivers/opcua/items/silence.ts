/**
 * Items of which the server has said nothing for long. To a subscription a value that does not change is no news, and neither is an
 * item that has died; so such items are read. What comes of it:
 *  - the value is the same and a heartbeat is due: it is said again, at the time of the server;
 *  - its source time is older than the settings allow: it is stale, until a younger one comes;
 *  - it is another one, and still is when a report under way must have come: the item is dead, and made anew, and what it has not
 *    reported since its last word is missing.
 * A value that is read is never a sample by itself: the report of it may be under way, with others before it.
 */
import { type Micros, qualityCode, type Sample } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import type { Gaps } from '../history/gaps.ts';
import type { DataValue, Session } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { qualityOf, saysNodeVanished } from '../values/status.ts';
import { microsOf } from '../values/time.ts';
import type { DesiredItems } from './desired-items.ts';
import { closeGap, differsFrom, type Item, markItem, openGap, sayAgain, timeOf } from './item.ts';
import { readValues } from './reading.ts';

export type Silence = {
  /** The server has reported the item. */
  readonly heard: (item: Item) => void;
  /** Reports were lost: all items are due. */
  readonly suspectAll: () => void;
  /**
   * Reads the items that are due; gives what is to be said of them. `serverNow`: by the clock of the server, as its messages have told
   * it, since the server time of a value that is read is for some servers when they got it.
   */
  readonly look: (session: Pick<Session, 'read'>, facts: ServerFacts, serverNow: Micros) => Promise<Sample[]>;
  /** Milliseconds until an item is due. */
  readonly dueInMs: () => number;
  /** null where no tag is stale. */
  readonly trouble: () => string | null;
};

const stale = qualityCode('bad/stale');

export function createSilence(
  { device, items, publishingMs, silentMs }: SubscriptionPlan,
  desired: DesiredItems,
  { clock, metrics, gaps }: { readonly clock: Clock; readonly metrics: OpcuaMetrics; readonly gaps: Gaps },
): Silence {
  const dueMs = new Map<Item, number>();
  const suspected = new Set<Item>();

  const longestMs = new Map(items.map((item) => [item, longestSilenceMs(item, silentMs)]));
  const putOff = (item: Item, ms = longestMs.get(item) ?? silentMs): void => {
    dueMs.set(item, clock.monotonicMs() + ms);
  };
  const heard = (item: Item): void => {
    suspected.delete(item);
    putOff(item);
  };
  for (const item of items) putOff(item);

  /** A beat that is a moment ahead by the clock of the server, which its messages tell to some milliseconds, is not put off by a whole one. */
  const untilBeatMs = (item: Item, serverNow: Micros): number =>
    item.members.reduce((least, member) => {
      const ms = beatInMs(member, serverNow);
      return ms > 0 ? Math.min(least, ms) : least;
    }, longestMs.get(item) ?? silentMs);

  /** The server must have reported by then what was there to report. */
  const settledMs = ({ samplingMs }: Item): number => 2 * (publishingMs + samplingMs) + 1_000;

  const renew = (item: Item, reason: string): void => {
    desired.renew(item, reason);
    if (item.reported !== null) openGap(item, item.reported.time);
  };

  /** Where the value may have been another one in between, its time says whether it was. */
  const isCertain = (item: Item, data: DataValue): boolean => {
    if (item.gap === null) return true;
    if ((timeOf(data) ?? Number.POSITIVE_INFINITY) > (item.reported?.time ?? 0)) return false;
    gaps.close([closeGap(item, null) ?? []].flat());
    return true;
  };

  const judge = (item: Item, data: DataValue, serverNow: Micros): Sample[] => {
    const status = data.statusCode.value;
    if (saysNodeVanished(status)) {
      renew(item, `the server no longer has the node: ${data.statusCode.name}`);
      gaps.note([item]);
      return item.members.flatMap((member) => markItem(member, qualityOf(status), serverNow) ?? []);
    }
    if (!differsFrom(item, data)) {
      heard(item);
      putOff(item, untilBeatMs(item, serverNow));
      return isCertain(item, data) ? item.members.flatMap((member) => sameAgain(member, data, serverNow)) : [];
    }
    if (suspected.delete(item)) {
      renew(item, 'its value has changed and the server has not reported it');
    } else {
      suspected.add(item);
      putOff(item, settledMs(item));
    }
    return [];
  };

  const due = (): Item[] => {
    const now = clock.monotonicMs();
    return items.filter((item) => (dueMs.get(item) ?? 0) <= now);
  };

  return {
    heard,
    suspectAll: () => {
      for (const item of items) putOff(item, 0);
    },
    look: async (session, facts, serverNow) => {
      const silent = due();
      for (const item of silent) putOff(item);
      const reads = silent.flatMap((item) => {
        const nodeId = desired.nodeOf(item);
        return nodeId === null ? [] : { item, nodeId };
      });
      metrics.silentReads.inc({ device }, reads.length);
      // Younger than what was reported is what is asked for, not what the server has at hand.
      const values = await readValues(session, reads, { limit: facts.limits.read, maxAgeMs: 0 });
      return values.flatMap(({ item, value }) => judge(item, value, serverNow));
    },
    dueInMs: () => {
      const first = [...dueMs.values()].reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
      return Math.max(0, first - clock.monotonicMs());
    },
    trouble: () => {
      const tags = items.flatMap(({ members }) => members);
      const stales = tags.filter(({ marked }) => marked === stale);
      const [first] = stales;
      if (first === undefined) return null;
      return `${stales.length} of ${tags.length} tags stale, first ${first.tag.tag}: the server has not refreshed it for more than ${first.staleAfterMs} ms`;
    },
  };
}

/** How long the item may be silent before it is read. */
const longestSilenceMs = ({ members }: Item, silentMs: number): number =>
  members.reduce(
    (least, { heartbeatMs, staleAfterMs }) => Math.min(least, heartbeatMs ?? least, staleAfterMs ?? least),
    silentMs,
  );

/** What is said of a tag whose value is the same as before. */
function sameAgain(member: Item, data: DataValue, serverNow: Micros): Sample[] {
  const { staleAfterMs, marked } = member;
  const source = microsOf(data.sourceTimestamp, data.sourcePicoseconds) ?? serverNow;
  if (staleAfterMs !== null && serverNow - source > staleAfterMs * 1_000) {
    const sample = markItem(member, stale, serverNow);
    return sample === null ? [] : [sample];
  }
  return marked === null && beatInMs(member, serverNow) > 0 ? [] : [sayAgain(member, data, serverNow)];
}

/** Until the time of its last sample is as far back as its heartbeat says: sooner, the filter would hold it back. */
const beatInMs = ({ heartbeatMs, lastTime }: Item, serverNow: Micros): number =>
  heartbeatMs === null ? Number.POSITIVE_INFINITY : heartbeatMs - (serverNow - lastTime) / 1_000;
