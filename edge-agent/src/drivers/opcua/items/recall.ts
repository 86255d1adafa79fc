/** What an earlier run of the agent has left in the journal counts as said by this one. */
import type { Micros } from '@fieldline/shared/contracts';
import type { DriverContext } from '../../driver.ts';
import { type Item, recallItem } from './item.ts';

export function recallItems(
  items: readonly Item[],
  { lastKept, standing }: Pick<DriverContext, 'lastKept' | 'standing'>,
  unsampledMicros: (item: Item) => Micros,
): void {
  for (const member of items.flatMap(({ members }) => members)) {
    const kept = lastKept(member.tag);
    if (kept === null) continue;
    if (member.events === null) {
      recallItem(member, kept, unsampledMicros(member));
      continue;
    }
    member.lastTime = kept.bad?.time ?? kept.time;
    member.events.recall(member.lastTime, standing(member.tag));
  }
}
