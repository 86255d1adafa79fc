/**
 * The times of a device of which values may be missing. Each is read from the history of the server where that has it, and what it
 * does not have is declared: for the device where all of its tags are concerned, else tag by tag. Invariants:
 *  - a time is noted on the disk before what ends it is said, and until all of it is in the journal, as samples or declared;
 *  - of an item one time is read after the other.
 */
import type { Sample } from '@fieldline/shared/contracts';
import { createBackoff, pause } from '@fieldline/shared/runtime';
import type { DriverContext } from '../../driver.ts';
import type { Item, ReportedGap } from '../items/item.ts';
import type { NodeId } from '../library.ts';
import type { OpcuaMetrics } from '../metrics.ts';
import type { SubscriptionPlan } from '../plan.ts';
import { callLimit } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { mentions } from '../trouble.ts';
import { createDeclaredGaps } from './declared-gaps.ts';
import { type Gap, nextGroup, type OpenGap, type Span } from './gap.ts';
import type { GapNote, GapNotes } from './gap-notes.ts';
import { type HistorySession, readHistorizing } from './history.ts';
import { fillFromHistory, type GapAtServer, maxNodesAtOnce } from './history-fill.ts';
import { recallDevice } from './recall.ts';

/** What the server has of an item at the moment; null: nothing. */
type NodeOf = (item: Item) => NodeId | null;

export type Gaps = {
  /** Before something is said of items that is no word of the server: a start after a kill would take it for one. */
  readonly note: (items: readonly Item[]) => void;
  /** Before the reports are said that end the gaps. */
  readonly close: (reported: readonly ReportedGap[]) => void;
  /** Reads what the history has; never rejects, ends early on abort. What a lost line leaves is for the next connection. */
  readonly fill: (session: HistorySession, facts: ServerFacts, signal: AbortSignal, nodeOf: NodeOf) => Promise<void>;
  /** Declares what is lost, as soon as nothing more is expected to join it. */
  readonly flush: (nodeOf: NodeOf) => void;
  /** What was not read yet is left to the next start; where that would not know of it, it is declared. */
  readonly end: () => void;
};

/** A call that fails for another reason than the server's refusal is made again so often, then its gaps count as lost. */
const maxAttempts = 3;
/** The first values after a connect come within this time: what they tell is declared together. */
const settleMs = 5_000;
/** What comes beyond is lost: a server that is gone again and again, and never has the time to be asked. */
const maxWaiting = 100_000;

export function createGaps(
  plan: SubscriptionPlan,
  context: DriverContext,
  parts: { readonly metrics: OpcuaMetrics; readonly notes: GapNotes },
): Gaps {
  const { metrics, notes } = parts;
  const { device, items } = plan;
  const log = context.log.child({ device });
  const of = { device };
  const changes = new Map<number, GapNote | null>();
  const recalled = recallDevice(plan, {
    lastKept: context.lastKept,
    standing: context.standing,
    startedAt: context.clock.now(),
    notes: notes.all(),
  });
  let waiting: Gap[] = [...recalled.gaps];
  let addedAtMs = 0;

  const settle = (): void => {
    notes.write(changes);
    changes.clear();
    metrics.gapsWaiting.set(of, waiting.length);
  };

  /** Written with the next `settle`. */
  const noteDown = (note: GapNote, id = notes.next()): number => {
    changes.set(id, note);
    return id;
  };
  const forget = (ids: readonly number[]): void => {
    for (const id of ids) changes.set(id, null);
  };
  const forgetNow = (ids: readonly number[]): void => {
    forget(ids);
    settle();
  };

  const declared = createDeclaredGaps(plan, context, { metrics, notes: { note: noteDown, forget: forgetNow } });
  for (const { tags, ...span } of recalled.lost) declared.lose(tags, span);
  forget(recalled.lostNotes);
  metrics.gapsWaiting.set(of, waiting.length);

  /** After a connect the items come back one after the other; what has no item yet waits for it. */
  const fillable = (nodeOf: NodeOf): Gap[] => waiting.filter(({ item }) => nodeOf(item) !== null);

  const lose = (gap: Gap, { from, to }: Span): void => {
    const tags = gap.item.members
      .filter((member) => (gap.keptUntil.get(member) ?? from) < to)
      .map(({ tag }) => tag.tag);
    declared.lose(tags, { from: Math.max(from, gap.oursFrom), to });
  };

  const finish = (gaps: readonly Gap[]): void => {
    const finished = new Set(gaps);
    waiting = waiting.filter((gap) => !finished.has(gap));
    forgetNow(gaps.map(({ note }) => note));
  };

  const keep = async (samples: readonly Sample[], signal: AbortSignal): Promise<void> => {
    metrics.historyValues.inc(of, samples.length);
    // What was found lost is before these samples: who goes on after them must know.
    settle();
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
    nodeOf: NodeOf,
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
    nodeOf: NodeOf,
  ): Promise<void> => {
    const asked = await askable(group, session, facts, nodeOf);
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

  const fill: Gaps['fill'] = async (session, facts, signal, nodeOf) => {
    const backoff = createBackoff({ firstMs: 500, maxMs: 5_000 });
    let attempts = 0;
    while (fillable(nodeOf).length > 0 && !signal.aborted) {
      const group = plan.history === 'off' ? waiting : nextGroup(fillable(nodeOf), maxNodesAtOnce);
      try {
        if (plan.history === 'off') for (const gap of group) lose(gap, gap);
        else await fillGroup(group, session, facts, signal, nodeOf);
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
      finish(group);
    }
  };

  const closeOne = ({ item, open, to }: ReportedGap): void => {
    const { from, oursFrom, note } = open;
    if (to !== null) {
      addedAtMs = context.clock.monotonicMs();
      const gap = { item, from, to, oursFrom, keptUntil: new Map(), note: note ?? notes.next(), isReached: false };
      // Nobody reads the history of events.
      if (item.events === null && waiting.length < maxWaiting) {
        waiting.push(gap);
        noteDown(noteOf(item, gap), gap.note);
        return;
      }
      lose(gap, gap);
    }
    if (note !== null) forget([note]);
  };

  /** Of a node that the server does not have any more: sooner or later nobody would read that far back. */
  const giveUpOld = (): void => {
    const earliest = context.clock.now() - plan.historyMaxMs * 1_000;
    const old = waiting.filter(({ to }) => to < earliest);
    for (const gap of old) lose(gap, gap);
    if (old.length > 0) finish(old);
  };

  const isSettled = (): boolean =>
    context.clock.monotonicMs() - addedAtMs > settleMs || items.every(({ gap }) => gap === null);

  return {
    note: (concerned) => {
      for (const item of concerned) {
        const open = item.gap;
        if (open !== null && open.note === null) item.gap = { ...open, note: noteDown(noteOf(item, open)) };
      }
      if (changes.size > 0) settle();
    },
    close: (reported) => {
      for (const each of reported) closeOne(each);
      if (changes.size > 0) settle();
    },
    fill,
    flush: (nodeOf) => {
      settle();
      if (fillable(nodeOf).length > 0) return;
      giveUpOld();
      if (isSettled()) declared.declare();
    },
    end: () => {
      settle();
      if (notes.trouble() !== null) {
        for (const gap of waiting) lose(gap, gap);
        waiting = [];
      }
      declared.declare();
    },
  };
}

const noteOf = ({ tag, members }: Item, { from, oursFrom, ...gap }: OpenGap | Gap): GapNote => {
  const to = 'to' in gap ? gap.to : null;
  return { device: tag.device, tags: members.map((each) => each.tag.tag), from, to, oursFrom, isLost: false };
};

/** The server has answered, and would answer the same again. */
const isRefusal = (error: unknown): boolean =>
  mentions(error, 'Bad') &&
  !['BadConnection', 'BadSecureChannel', 'BadSession', 'BadTimeout'].some((each) => mentions(error, each));
