/** The values of one device where they are read: what comes of each read, and what becomes of nodes that the server does not have. */
import type { Sample } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import type { Gaps } from '../history/gaps.ts';
import type { Session } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { qualityOf, saysNodeVanished } from '../values/status.ts';
import { microsOf } from '../values/time.ts';
import { createDesiredItems, type DesiredItems, type NodeRetry } from './desired-items.ts';
import { type Item, markItem, type ReportedGap, takeDataValue } from './item.ts';
import { findItems } from './monitor.ts';
import type { ReadGroup, ReadValue } from './reading.ts';
import { createSilence } from './silence.ts';

export type DeviceReading = {
  /** A new session: nodes are looked up anew. */
  readonly begin: () => readonly ReadGroup[];
  /** Looks up the nodes that are missing, and judges the silent ones; gives the milliseconds until some are due again. */
  readonly reconcile: (session: Session, facts: ServerFacts) => Promise<number>;
  readonly nodeOf: DesiredItems['nodeOf'];
  readonly trouble: () => string | null;
  /** Of items that are to be read more often than any is; null where there are none. */
  readonly note: () => string | null;
};

/** A server without subscriptions is a small one. */
const fastestReadMs = 100;

export function createDeviceReading(
  plan: SubscriptionPlan,
  context: DriverContext,
  metrics: OpcuaMetrics,
  options: { readonly retryNodes: NodeRetry; readonly gaps: Gaps },
): DeviceReading {
  const { retryNodes: retry, gaps } = options;
  const { device, items } = plan;
  const { clock, emit } = context;
  const of = { device };
  const log = context.log.child({ device });
  const desired = createDesiredItems(plan, { clock, log, metrics, retry });
  const silence = createSilence(plan, desired, { clock, metrics, gaps });

  const say = (samples: readonly Sample[]): void => {
    if (samples.length > 0) emit(samples);
  };

  const takeOne = ({ item, value }: ReadValue): Sample[] => {
    const status = value.statusCode.value;
    if (saysNodeVanished(status)) {
      desired.renew(item, `${item.node.text}: ${value.statusCode.name}`);
      return item.members.flatMap((member) => markItem(member, qualityOf(status), clock.now()) ?? []);
    }
    desired.heard(item);
    const arrival = clock.now();
    const askedAt = microsOf(value.serverTimestamp, value.serverPicoseconds) ?? arrival;
    const ended: ReportedGap[] = [];
    const samples = item.members.flatMap((member) => {
      const { sample, reported } = takeDataValue(member, value, arrival, askedAt);
      if (reported !== null) ended.push(reported);
      return sample ?? [];
    });
    gaps.close(ended);
    metrics.repeated.inc(of, item.members.length - samples.length);
    if (samples.length > 0) silence.heard(item);
    return samples;
  };

  const groupOf = (everyMs: number, members: readonly Item[]): ReadGroup => ({
    everyMs,
    reads: () =>
      members.flatMap((item) => {
        const nodeId = desired.nodeOf(item);
        return nodeId === null ? [] : { item, nodeId };
      }),
    take: (values) => {
      metrics.values.inc(of, values.length);
      say(values.flatMap(takeOne));
    },
    onMissed: (turns) => metrics.missedReads.inc(of, turns),
  });

  return {
    begin: () => {
      desired.reset();
      const groups = Map.groupBy(items, ({ samplingMs }) => Math.max(samplingMs, fastestReadMs));
      return [...groups].map(([everyMs, members]) => groupOf(everyMs, members));
    },
    reconcile: async (session, facts) => {
      const refused = await desired.reconcile(session, facts, {
        ask: (wanted) => findItems(session, wanted, facts),
        forget: async () => {},
      });
      say(
        refused.flatMap(({ item, quality }) =>
          item.members.flatMap((member) => markItem(member, quality, clock.now()) ?? []),
        ),
      );
      say(await silence.look(session, facts, clock.now()));
      return Math.min(desired.dueInMs(), silence.dueInMs());
    },
    nodeOf: desired.nodeOf,
    trouble: () => [desired.trouble() ?? [], silence.trouble() ?? []].flat().join('; ') || null,
    note: () => {
      const fast = items.filter(({ samplingMs }) => samplingMs < fastestReadMs);
      const [first] = fast;
      if (first === undefined) return null;
      return `${device}: ${fast.length} of ${items.length} nodes, first ${first.tag.tag}, are read every ${fastestReadMs} ms and not every ${first.samplingMs} ms: no value is read more often`;
    },
  };
}
