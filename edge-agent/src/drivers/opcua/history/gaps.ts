/**
 * The times of a device of which values may be missing. Each is read from the history of the server where that has it, and what it
 * does not have is declared: for the device where all of its nodes are concerned, else tag by tag.
 */
import type { Micros, Sample } from '@fieldline/shared/contracts';
import { createBackoff, pause } from '@fieldline/shared/runtime';
import type { DriverContext } from '../../driver.ts';
import type { Item } from '../items/item.ts';
import type { NodeId } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { callLimit } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { mentions } from '../trouble.ts';
import { type Gap, nextGroup, type Span, union } from './gap.ts';
import { type HistorySession, readHistorizing } from './history.ts';
import { fillFromHistory, type GapAtServer, maxNodesAtOnce } from './history-fill.ts';

export type Gaps = {
  readonly add: (gap: Gap) => void;
  /** Reads what the history has; never rejects, ends early on abort. What a lost line leaves is for the next connection. */
  readonly fill: (session: HistorySession, facts: ServerFacts, signal: AbortSignal) => Promise<void>;
  /** Declares what is lost, as soon as nothing more is expected to join it. */
  readonly flush: () => void;
  /** Declares also what was not read yet: nobody will. */
  readonly end: () => void;
};

/** A call that fails for another reason than the server's refusal is made again so often, then its gaps count as lost. */
const maxAttempts = 3;
/** The first values after a connect come within this time: what they tell is declared together. */
const settleMs = 5_000;
/** More declarations at once than this help nobody: then it is the device. */
const maxTagsDeclared = 1_000;

export function createGaps(
  plan: SubscriptionPlan,
  context: DriverContext,
  parts: { readonly metrics: OpcuaMetrics; readonly nodeOf: (item: Item) => NodeId | null },
): Gaps {
  const { metrics, nodeOf } = parts;
  const { device, items } = plan;
  const log = context.log.child({ device });
  const of = { device };
  let waiting: Gap[] = [];
  const lost = new Map<Item, Span>();
  let addedAtMs = 0;

  /** After a connect the items come back one after the other; what has no item yet waits for it. */
  const fillable = (): Gap[] => waiting.filter(({ item }) => nodeOf(item) !== null);

  const lose = (gap: Gap, { from, to }: Span): void => {
    const ours = { from: Math.max(from, gap.oursFrom), to };
    if (ours.from >= ours.to) return;
    const known = lost.get(gap.item);
    lost.set(gap.item, known === undefined ? ours : union([known, ours]));
  };

  const keep = async (samples: readonly Sample[], signal: AbortSignal): Promise<void> => {
    metrics.historyValues.inc(of, samples.length);
    context.emit(samples, 'late');
    const kept = Promise.withResolvers<void>();
    const onAbort = (): void => kept.resolve();
    signal.addEventListener('abort', onAbort);
    context.whenKept(kept.resolve);
    await kept.promise;
    signal.removeEventListener('abort', onAbort);
  };

  /** What the server does not record, or no longer within the bound of the settings, is lost without a question. */
  const askable = async (
    group: readonly Gap[],
    session: HistorySession,
    facts: ServerFacts,
  ): Promise<GapAtServer[]> => {
    const known = group.flatMap((gap) => {
      const nodeId = nodeOf(gap.item);
      return nodeId === null ? [] : { gap, nodeId };
    });
    const recorded = await readHistorizing(
      session,
      facts.limits.read,
      known.map(({ nodeId }) => nodeId),
    );
    const asked = known.filter((_each, position) => recorded[position] === true);
    const gaps = new Set(asked.map(({ gap }) => gap));
    for (const gap of group) if (!gaps.has(gap)) lose(gap, gap);
    for (const gap of gaps) {
      const earliest = Math.max(gap.from, gap.to - plan.historyMaxMs * 1_000);
      if (earliest === gap.from) continue;
      lose(gap, { from: gap.from, to: earliest });
      gap.from = earliest;
    }
    return asked;
  };

  const fillGroup = async (
    group: readonly Gap[],
    session: HistorySession,
    facts: ServerFacts,
    signal: AbortSignal,
  ): Promise<void> => {
    const asked = await askable(group, session, facts);
    const reasons = new Map<string, number>();
    const onMissing = (gap: Gap, span: Span, reason: string): void => {
      lose(gap, span);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    };
    const limit = callLimit(Math.min(maxNodesAtOnce, facts.limits.historyRead.atOnce));
    if (asked.length > 0)
      await fillFromHistory(asked, { session, limit, signal, keep: (samples) => keep(samples, signal), onMissing });
    facts.limits.historyRead.atOnce = Math.min(facts.limits.historyRead.atOnce, limit.atOnce);
    if (reasons.size > 0) log.info({ reasons: Object.fromEntries(reasons) }, 'the history of the server has gaps');
  };

  const fill: Gaps['fill'] = async (session, facts, signal) => {
    const backoff = createBackoff({ firstMs: 500, maxMs: 5_000 });
    let attempts = 0;
    while (fillable().length > 0 && !signal.aborted) {
      const group = plan.history === 'off' ? waiting : nextGroup(fillable(), maxNodesAtOnce);
      try {
        if (plan.history === 'off') for (const gap of group) lose(gap, gap);
        else await fillGroup(group, session, facts, signal);
        attempts = 0;
      } catch (error) {
        if (signal.aborted) return;
        attempts += 1;
        if (!isRefusal(error) && attempts < maxAttempts) {
          await pause(backoff.next(), signal);
          continue;
        }
        const { message } = error instanceof Error ? error : { message: String(error) };
        log.info({ nodes: group.length, reason: message.split('\n')[0] }, 'the server gives no history');
        for (const gap of group) lose(gap, gap);
      }
      if (signal.aborted) return;
      waiting = waiting.filter((gap) => !group.includes(gap));
    }
  };

  const declareLost = (): void => {
    const known = items.filter(({ reported }) => reported !== null).length;
    const isWhole = plan.isPart !== true && (lost.size >= known || lost.size > maxTagsDeclared);
    const loss = { kind: 'series', device, samples: null, reason: 'outage' } as const;
    if (lost.size > 0) metrics.gapsDeclared.inc(of, lost.size);
    if (lost.size > 0 && isWhole) context.declare({ ...loss, tag: null, ...union([...lost.values()]) });
    else {
      for (const [item, span] of lost)
        for (const { tag } of item.members) context.declare({ ...loss, tag: tag.tag, ...span });
    }
    lost.clear();
  };

  const isSettled = (): boolean =>
    context.clock.monotonicMs() - addedAtMs > settleMs || items.every(({ gapFrom }) => gapFrom === null);

  return {
    add: (gap) => {
      addedAtMs = context.clock.monotonicMs();
      waiting.push(gap);
    },
    fill,
    flush: () => {
      if (fillable().length === 0 && isSettled()) declareLost();
    },
    end: () => {
      for (const gap of waiting) lose(gap, gap);
      waiting = [];
      declareLost();
    },
  };
}

/** The server has answered, and would answer the same again. */
const isRefusal = (error: unknown): boolean =>
  mentions(error, 'Bad') &&
  !['BadConnection', 'BadSecureChannel', 'BadSession', 'BadTimeout'].some((each) => mentions(error, each));

export const gapOf = (item: Item, { from, to }: Span, oursFrom: Micros): Gap => ({
  item,
  from,
  to,
  oursFrom,
  isReached: false,
});
