/**
 * Whether the live flow suffers: everything that was in the log a moment ago should be in the database by now. A flow that
 * does not move at all has no processor, and a replay beside it hurts nobody.
 */
import type { Backbone } from '../backbone/backbone.ts';
import type { Session } from '../store/connection.ts';

/** Live data may be in the log for so long before it is in the database; what a replay may add to its latency. */
const graceMs = 2_000;
/** Behind and not moving for so long: no processor runs. */
const stillMs = 10_000;

export type LiveState = 'flows' | 'lags' | 'stands still';
type Offsets = ReadonlyMap<number, number>;

/** Pure: fed with what is seen, oldest first. */
export class LiveWatch {
  private readonly seen: { readonly atMs: number; readonly ends: Offsets }[] = [];
  private stored = -1;
  private movedMs = Number.NEGATIVE_INFINITY;

  /** `ends`: next offset of each partition of the log; `stored`: next offset that the database has of it. */
  look(nowMs: number, ends: Offsets, stored: Offsets): LiveState {
    this.seen.push({ atMs: nowMs, ends });
    while ((this.seen[1]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - graceMs) this.seen.shift();
    const sum = [...stored.values()].reduce((total, offset) => total + offset, 0);
    if (sum !== this.stored) this.movedMs = nowMs;
    this.stored = sum;
    const [due] = this.seen;
    if (due === undefined || due.atMs > nowMs - graceMs) return 'flows';
    const behind = [...due.ends].some(([partition, end]) => (stored.get(partition) ?? 0) < end);
    if (!behind) return 'flows';
    return nowMs - this.movedMs >= stillMs ? 'stands still' : 'lags';
  }
}

export async function liveOffsets(session: Session, backbone: Backbone, topic: string) {
  const identity = await backbone.identity();
  const [bounds, rows] = await Promise.all([
    backbone.bounds(topic),
    session.query<{ partition: number; next: number }>(
      'SELECT partition, next_offset AS next FROM source_offset WHERE backbone = $1 AND topic = $2',
      [identity, topic],
    ),
  ]);
  return {
    // A partition that was never written to has nothing to wait for.
    ends: new Map(bounds.filter(({ oldest, next }) => next > oldest).map(({ partition, next }) => [partition, next])),
    stored: new Map(rows.map(({ partition, next }) => [partition, next])),
  };
}
