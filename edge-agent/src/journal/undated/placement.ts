/**
 * When a boot was whose time never came: as late as it can have been, its last sample just before the next boot began, and the one
 * before it before that. That is all that is sure: how long the gateway was without power between two boots, nobody knows. Distances
 * within a boot are kept, since they were measured.
 *
 * The journal's last batch of before sets no lower bound. As late as possible is after it whenever that can be; where it cannot,
 * one of two clocks was wrong, and the one of now was set last: samples that overlap older ones are in nobody's way, those
 * placed beyond the present would be refused or freeze the latest value.
 */
import type { Micros } from '@fieldline/shared/contracts';

export type UndatedBoot = {
  readonly boot: string;
  /** µs of the boot that it is known to have lasted. */
  readonly last: number;
  /** What makes a time of the µs of the boot, where that was settled before. */
  readonly offset: Micros | null;
};

/** The offset of each, given in the order of their making. `present`: of the boot that this process runs in. Pure. */
export function placeBoots(boots: readonly UndatedBoot[], present: { boot: string; offset: Micros }): Micros[] {
  const offsets: Micros[] = [];
  let next = present;
  for (const { boot } of boots.toReversed()) {
    if (boot !== next.boot) next = { boot, offset: settled(boots, boot) ?? next.offset - 1 - lastOf(boots, boot) };
    offsets.unshift(next.offset);
  }
  return offsets;
}

const settled = (boots: readonly UndatedBoot[], boot: string): Micros | null =>
  boots.find((other) => other.boot === boot && other.offset !== null)?.offset ?? null;

const lastOf = (boots: readonly UndatedBoot[], boot: string): number =>
  Math.max(...boots.filter((other) => other.boot === boot).map(({ last }) => last));
