/** What nobody has of the times that were missed: declared together, once nothing more is expected to join it. */
import type { DriverContext } from '../../driver.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { type Span, union } from './gap.ts';
import type { GapNote } from './gap-notes.ts';

export type DeclaredGaps = {
  /** A time of which nobody has the values of these tags. */
  readonly lose: (tags: readonly string[], span: Span) => void;
  readonly declare: () => void;
};

/** What is lost is noted until the journal has its declaration. */
export type LossNotes = {
  readonly note: (note: GapNote) => number;
  readonly forget: (ids: readonly number[]) => void;
};

/** More declarations at once than this help nobody: then it is the device. */
const maxTagsDeclared = 1_000;

export function createDeclaredGaps(
  { device, items }: SubscriptionPlan,
  context: DriverContext,
  { metrics, notes }: { readonly metrics: OpcuaMetrics; readonly notes: LossNotes },
): DeclaredGaps {
  const lost = new Map<string, Span>();
  let noted: number[] = [];

  /** Those that were ever heard of. */
  const known = (): number =>
    items
      .filter(({ reported, events }) => reported !== null || events !== null)
      .reduce((sum, { members }) => sum + members.length, 0);

  const declareEach = (): void => {
    const loss = { kind: 'series', device, samples: null, reason: 'outage' } as const;
    if (lost.size >= known() || lost.size > maxTagsDeclared)
      context.declare({ ...loss, tag: null, ...union([...lost.values()]) });
    else for (const [tag, span] of lost) context.declare({ ...loss, tag, ...span });
  };

  const declare = (): void => {
    if (lost.size === 0) return;
    metrics.gapsDeclared.inc({ device }, lost.size);
    declareEach();
    lost.clear();
    const told = noted;
    noted = [];
    context.whenKept(() => notes.forget(told));
  };

  const isApart = (tag: string, { from, to }: Span): boolean => {
    const before = lost.get(tag);
    return before !== undefined && (from > before.to || to < before.from);
  };

  return {
    lose: (tags, span) => {
      if (span.from >= span.to || tags.length === 0) return;
      // What was there between two times that were missed is not lost.
      if (tags.some((tag) => isApart(tag, span))) declare();
      for (const tag of tags) lost.set(tag, union([lost.get(tag) ?? span, span]));
      noted.push(notes.note({ device, tags: [...tags], ...span, oursFrom: span.from, isLost: true }));
    },
    declare,
  };
}
