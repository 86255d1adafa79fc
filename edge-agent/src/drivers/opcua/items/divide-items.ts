import type { SubscriptionPlan } from '../plan.ts';

/** Of one device a plan for each of its subscriptions, none with more items than the server lets one have; null: it states no limit. */
export function divideItems(plan: SubscriptionPlan, most: number | null): SubscriptionPlan[] {
  const { items } = plan;
  if (most === null || items.length <= most) return [plan];
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_, part) => ({
    ...plan,
    items: items.slice(part * most, (part + 1) * most),
  }));
}
