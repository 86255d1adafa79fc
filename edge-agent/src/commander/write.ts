/** One command at its device: write and read back, or call, and what that says. */
import {
  type AnswerMessage,
  beginningOf,
  type CommandOutcome,
  qualityName,
  type Sample,
  statedOf,
  type Value,
} from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import type { CallOrder, WriteOrder, WriteProblem, WriteResult } from '../drivers/driver.ts';
import { problem } from './rules.ts';
import type { Target } from './targets.ts';

/** The part of an answer that the device decides. */
export type Ending = Pick<AnswerMessage, 'outcome' | 'reason' | 'message' | 'before' | 'written' | 'after'>;

export const endingOf = (
  outcome: CommandOutcome,
  why: WriteProblem | null,
  values: { readonly before?: Value | null; readonly written?: Value | null; readonly after?: Value | null } = {},
): Ending => ({
  outcome,
  reason: why?.reason ?? null,
  message: why === null ? null : beginningOf(why.message),
  before: statedOf(values.before ?? null),
  written: statedOf(values.written ?? null),
  after: statedOf(values.after ?? null),
});

export async function writeTag(target: Target, order: WriteOrder, signal: AbortSignal): Promise<Ending> {
  const { tag, rules, writer } = target;
  const result = await writer.write(tag, order);
  if (result.kind === 'not-sent') return endingOf('refused', result.problem, result);
  if (result.kind === 'rejected') return endingOf('rejected', result.problem, result);
  if (rules.readBackAfterMs > 0) await pause(rules.readBackAfterMs, signal);
  // After a request in vain a unit of a serial line is left alone for a while, lest its late reply be taken for the next.
  const most = result.kind === 'unanswered' ? triesUnanswered : 1;
  return readBack(result, await readPatiently(target, most, signal));
}

/** What a method says of itself is all there is: nothing is read back. */
export async function callTag({ tag, inputs, writer }: Target, order: CallOrder): Promise<Ending> {
  if (writer.call === undefined || inputs === null) throw new Error(`${tag.device}/${tag.tag} is no method`);
  const { kind, problem: why, outputs } = await writer.call(tag, order);
  if (kind === 'not-sent') return endingOf('refused', why);
  const given = inputs.map(({ name }, position) => [name, statedOf(order.inputs[position] ?? null)]);
  const values = { written: JSON.stringify(Object.fromEntries(given)), after: outputs };
  const outcome = ({ accepted: 'called', rejected: 'rejected', unanswered: 'unknown' } as const)[kind];
  return endingOf(outcome, why, values);
}

function readBack(result: WriteResult, sample: Sample): Ending {
  const after = sample.value;
  const values = { ...result, after };
  const isThere = after !== null && after === result.written;
  if (result.kind === 'unanswered') {
    const shown = after === null ? 'and it cannot be read back' : `read back, it is ${after}`;
    const why = result.problem ?? problem('no-answer');
    return endingOf('unknown', problem(why.reason, `${why.message}; ${shown}`), values);
  }
  if (isThere) return endingOf('written', null, values);
  if (after === null) {
    return endingOf('unverified', problem('not-read-back', `read back, it is ${qualityName(sample.quality)}`), values);
  }
  return endingOf('unverified', problem('mismatch', `read back, it is ${after}`), values);
}

/** How often, and how far apart, it is tried to read what may have been written by an agent that was killed. */
const triesInterrupted = 10;
/** The same where a write was not answered: somebody waits for the outcome. */
const triesUnanswered = 3;
const betweenTriesMs = 1_000;

/** Of a command that was noted and has no end. It is not written again; `target` is undefined where settings no longer have it. */
export async function endInterrupted(
  before: AnswerMessage['before'],
  target: Target | null | undefined,
  signal: AbortSignal,
): Promise<Ending> {
  if (target?.inputs) {
    const message = 'the agent ended before it knew whether it was called; it is not called again';
    return { ...endingOf('unknown', problem('interrupted', message)), before };
  }
  const after =
    target === null || target === undefined ? null : (await readPatiently(target, triesInterrupted, signal)).value;
  const shown = after === null ? 'it cannot be read back' : `read back, it is ${after}`;
  const message = `the agent ended before it knew whether it was written; it is not written again; ${shown}`;
  return { ...endingOf('unknown', problem('interrupted', message), { after }), before };
}

async function readPatiently({ tag, writer }: Target, most: number, signal: AbortSignal): Promise<Sample> {
  let sample = await writer.read(tag);
  for (let left = most - 1; left > 0 && sample.value === null; left--) {
    if (!(await pause(betweenTriesMs, signal))) break;
    sample = await writer.read(tag);
  }
  return sample;
}
