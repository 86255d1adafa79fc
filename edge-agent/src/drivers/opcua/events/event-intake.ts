/** The events of one subscription: what comes, and asking anew for the conditions that are. */
import type { Micros } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import type { Item } from '../items/item.ts';
import type { createLosses } from '../items/losses.ts';
import type { EventNotificationList, Session } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { refreshConditions } from './condition-refresh.ts';
import { takeEvents } from './take-events.ts';

type Parts = {
  readonly metrics: OpcuaMetrics;
  readonly losses: ReturnType<typeof createLosses>;
  readonly queueOf: (item: Item) => number;
};

export function createEventIntake(
  { device, items }: SubscriptionPlan,
  { emit, log }: DriverContext,
  { metrics, losses, queueOf }: Parts,
) {
  const of = { device };
  const ofEvents = items.filter(({ events }) => events !== null);
  let at: { readonly session: Session; readonly subscriptionId: number } | null = null;

  /** What a server says of conditions that it has not, or of a session that is gone, is no trouble of its own. */
  const refresh = async (): Promise<void> => {
    if (at === null) return;
    try {
      log.debug({ device, status: await refreshConditions(at.session, at.subscriptionId) }, 'asked for the conditions');
    } catch (error) {
      log.debug({ device, err: error }, 'the conditions could not be asked for');
    }
  };

  return {
    /** The subscription was made anew: no refresh is under way. */
    reset: (): void => {
      for (const { events } of ofEvents) events?.stopRefresh();
    },
    take: ({ events }: EventNotificationList, arrival: Micros): void => {
      const notified = events ?? [];
      const { samples, repeated, lost, wantsRefresh } = takeEvents(items, notified, arrival, queueOf);
      metrics.notifications.inc(of);
      metrics.events.inc(of, notified.length);
      metrics.repeated.inc(of, repeated);
      for (const { tag, span } of lost) {
        metrics.overflows.inc(of);
        losses.add(tag, span);
      }
      if (samples.length > 0) emit(samples);
      if (wantsRefresh) void refresh();
    },
    /** Around the work that asks for missing items: who gets events anew is told of the conditions that are. */
    asking: async <Result>(
      session: Session,
      subscriptionId: number,
      isMonitored: (item: Item) => boolean,
      work: () => Promise<Result>,
    ): Promise<Result> => {
      at = { session, subscriptionId };
      const waiting = ofEvents.filter((item) => !isMonitored(item));
      const result = await work();
      if (waiting.some(isMonitored)) await refresh();
      return result;
    },
  };
}
