/** The values of one subscription: what of them is news, what is lost, and which items are no more. */
import type { Micros, Sample } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import type { Gaps } from '../history/gaps.ts';
import type { DataChangeNotification } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { saysNodeVanished } from '../values/status.ts';
import type { DesiredItems } from './desired-items.ts';
import type { FullQueues } from './full-queues.ts';
import { openGap, type ReportedGap, takeDataValue } from './item.ts';
import type { createLosses } from './losses.ts';
import type { Silence } from './silence.ts';

type Parts = {
  readonly metrics: OpcuaMetrics;
  readonly losses: ReturnType<typeof createLosses>;
  readonly gaps: Gaps;
  readonly desired: DesiredItems;
  readonly silence: Silence;
  readonly fullQueues: FullQueues;
};

export function createDataIntake({ device, items }: SubscriptionPlan, { emit }: DriverContext, parts: Parts) {
  const { metrics, losses, gaps, desired, silence, fullQueues } = parts;
  const of = { device };
  return {
    /** `askedAt`: when the server was asked for the values, by its own clock. */
    take: ({ monitoredItems }: DataChangeNotification, arrival: Micros, askedAt: Micros): void => {
      const samples: Sample[] = [];
      const ended: ReportedGap[] = [];
      const notified = monitoredItems ?? [];
      fullQueues.judge(notified);
      for (const { clientHandle, value } of notified) {
        const item = items[clientHandle];
        if (item === undefined) continue;
        for (const member of item.members) {
          const { sample, lost, reported } = takeDataValue(member, value, arrival, askedAt);
          if (sample === null) metrics.repeated.inc(of);
          else samples.push(sample);
          if (reported !== null) ended.push(reported);
          if (lost === null) continue;
          if (member === item) metrics.overflows.inc(of);
          losses.add(member.tag, lost);
        }
        if (saysNodeVanished(value.statusCode.value)) {
          desired.renew(item, `the server no longer has the node: ${value.statusCode.name}`);
          openGap(item, item.reported?.time ?? arrival);
          continue;
        }
        desired.heard(item);
        silence.heard(item);
      }
      metrics.notifications.inc(of);
      metrics.values.inc(of, notified.length);
      gaps.close(ended);
      if (samples.length > 0) emit(samples);
    },
  };
}
