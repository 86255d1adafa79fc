/**
 * Reads the values of gaps from the history of the server, page by page beside the live data. Invariants:
 *  - a value is given once: what lies at or before `from` of its gap was given before, and `from` moves on with each page;
 *  - the next page is asked for when the journal has the one before, and after a pause as long as the server has worked for that;
 *  - a place to go on is asked for with the times of the call that gave it: some servers count it from where these begin;
 *  - where the history does not reach back to the beginning of a gap, what lies before its first value stays missing.
 */
import type { Micros, Sample } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import type { NodeId } from '../library.ts';
import type { CallLimit } from '../session/call-limit.ts';
import type { Gap, Span } from './gap.ts';
import { type HistoryAnswer, type HistoryNode, type HistorySession, readHistory, releaseHistory } from './history.ts';
import { historySamples } from './history-page.ts';

export type GapAtServer = { readonly gap: Gap; readonly nodeId: NodeId };

export type FillOptions = {
  readonly session: HistorySession;
  readonly limit: CallLimit;
  readonly signal: AbortSignal;
  /** Resolves when the journal has them. */
  readonly keep: (samples: readonly Sample[]) => Promise<void>;
  /** A part of the gap that the history does not have. */
  readonly onMissing: (gap: Gap, span: Span, reason: string) => void;
};

/** Values per node in one answer: with `maxNodesAtOnce`, about 300 kB. */
const maxValues = 500;
export const maxNodesAtOnce = 20;
/** Between two calls, at least. */
const shortestPauseMs = 20;
/** Answers without a value, each with a place to go on: then the server is not believed to get any further. */
const maxEmptyAnswers = 100;

type Open = GapAtServer & {
  /** Where the call began that its place to go on belongs to; null: nothing was asked yet. */
  askedFrom: Micros | null;
  continuationPoint: Buffer | null;
  emptyAnswers: number;
};

/** @throws what the server says to the whole call, and what the line does; what was read until then is given, and its gaps have moved on */
export async function fillFromHistory(gaps: readonly GapAtServer[], options: FillOptions): Promise<void> {
  const { session, limit, signal } = options;
  const to = Math.max(...gaps.map(({ gap }) => gap.to));
  await findBeginnings(gaps, options);
  const all = gaps.map((each): Open => ({ ...each, askedFrom: null, continuationPoint: null, emptyAnswers: 0 }));
  let open = all;
  try {
    while (open.length > 0 && !signal.aborted) {
      const { asked, from } = nextCall(open);
      const begun = performance.now();
      const answers = await readHistory(session, limit, asked, { from, to, most: maxValues });
      const tookMs = performance.now() - begun;
      const samples: Sample[] = [];
      for (const each of asked) each.askedFrom = from;
      const ended = asked.filter((each, position) => !takePage(each, answers[position] ?? noAnswer, samples, options));
      open = open.filter((each) => !ended.includes(each));
      if (samples.length > 0) await options.keep(samples);
      await pause(Math.max(tookMs, shortestPauseMs), signal);
    }
  } finally {
    await release(all, options, to);
  }
}

const noAnswer: HistoryAnswer = { values: [], continuationPoint: null, refusal: 'no answer' };

/** All at first, then those with a place to go on; those that were cut without one begin each at another time. */
function nextCall(open: readonly Open[]): { readonly asked: readonly Open[]; readonly from: Micros } {
  const going = open.filter(({ continuationPoint }) => continuationPoint !== null);
  const begun = going[0]?.askedFrom ?? null;
  if (begun !== null) return { asked: going.filter(({ askedFrom }) => askedFrom === begun), from: begun };
  const fresh = open.filter(({ askedFrom }) => askedFrom === null);
  const asked = fresh.length > 0 ? fresh : open.slice(0, 1);
  return { asked, from: Math.min(...asked.map(({ gap }) => gap.from)) };
}

/** Whether the history has anything from before each gap: only then does what it has of the gap begin with its beginning. */
async function findBeginnings(gaps: readonly GapAtServer[], { session, limit }: FillOptions): Promise<void> {
  const unknown = gaps.filter(({ gap }) => !gap.isReached);
  if (unknown.length === 0) return;
  const to = Math.min(...unknown.map(({ gap }) => gap.from));
  const nodes = unknown.map(({ nodeId }) => ({ nodeId, continuationPoint: null }));
  const answers = await readHistory(session, limit, nodes, { from: null, to, most: 1 });
  const left: HistoryNode[] = [];
  for (const [position, { gap, nodeId }] of unknown.entries()) {
    const { values = [], continuationPoint = null } = answers[position] ?? {};
    gap.isReached = values.length > 0;
    left.push({ nodeId, continuationPoint });
  }
  await releaseHistory(session, limit, left, { from: null, to, most: 1 });
}

/** Whether there is more to be read. */
function takePage(open: Open, answer: HistoryAnswer, samples: Sample[], { onMissing }: FillOptions): boolean {
  const { gap } = open;
  open.continuationPoint = answer.continuationPoint;
  if (answer.refusal !== null) {
    onMissing(gap, gap, answer.refusal);
    return endReading(open);
  }
  const page = historySamples(gap, answer.values);
  samples.push(...page.samples);
  if (page.reachesBack) gap.isReached = true;
  if (!gap.isReached && page.first !== null) {
    onMissing(gap, { from: gap.from, to: page.first }, 'the history begins later');
    gap.isReached = true;
  }
  const isFurther = page.last > gap.from;
  gap.from = Math.max(gap.from, page.last);
  open.emptyAnswers = answer.values.length > 0 ? 0 : open.emptyAnswers + 1;
  // Some servers cut an answer at its limit without a place to go on: then the next one begins where this has ended.
  const isCut = answer.values.length >= maxValues && answer.continuationPoint === null;
  const isUnfinished = !page.reachesEnd && (isCut || answer.continuationPoint !== null);
  if (isUnfinished && (isCut ? isFurther : open.emptyAnswers < maxEmptyAnswers)) return true;
  if (isUnfinished) onMissing(gap, gap, 'the server gives no more');
  else if (!gap.isReached) onMissing(gap, gap, 'the history has nothing of this time');
  return endReading(open);
}

function endReading({ gap }: Open): false {
  gap.from = gap.to;
  return false;
}

async function release(open: readonly Open[], { session, limit }: FillOptions, to: Micros): Promise<void> {
  try {
    await releaseHistory(session, limit, open, { from: null, to, most: maxValues });
  } catch {
    // The line is lost, and with it what the server kept for us.
  }
}
