/** Many letters redriven, one after the other, at the pace of the database; what came of them is counted as it goes. */
import type { Store } from '../store/connection.ts';
import type { LettersWanted } from './letter-arguments.ts';
import { letterIds, newestLetterId } from './letters.ts';
import type { Outcome, Trouble } from './redrive-outcome.ts';

export type Failures = { letters: number; readonly firstId: number; readonly firstReason: string };

export type Tally = {
  letters: number;
  stored: number;
  samples: number;
  applied: number;
  needless: number;
  untried: number;
  /** Letters that were asked for and are not done with. */
  remaining: number;
  /** By code; as many entries as there are codes. A letter that is stored but for some samples counts in both. */
  readonly dead: Map<Trouble['code'], Failures>;
};

export const emptyTally = (): Tally => ({
  letters: 0,
  stored: 0,
  samples: 0,
  applied: 0,
  needless: 0,
  untried: 0,
  remaining: 0,
  dead: new Map(),
});

export function addOutcome(tally: Tally, id: number, outcome: Outcome): void {
  tally.letters += 1;
  if (outcome.kind !== 'dead') tally[outcome.kind] += 1;
  if (outcome.kind === 'stored') tally.samples += outcome.samples;
  if (outcome.kind === 'untried' && !outcome.isDone) tally.remaining += 1;
  if (outcome.kind !== 'dead' && outcome.kind !== 'stored') return;
  if (outcome.why === null) return;
  tally.remaining += 1;
  addFailure(tally, id, outcome.why);
}

function addFailure({ dead }: Tally, id: number, { code, reason }: Trouble): void {
  const failures = dead.get(code);
  if (failures === undefined) dead.set(code, { letters: 1, firstId: id, firstReason: reason });
  else failures.letters += 1;
}

const idsAtOnce = 500;

/** Oldest first. Letters that come meanwhile are not among them, so there is an end. */
export async function* lettersOf(store: Store, wanted: LettersWanted): AsyncGenerator<number> {
  if (wanted.kind === 'ids') {
    yield* wanted.ids;
    return;
  }
  const last = await store.withSession(newestLetterId);
  for (let after = 0; ; ) {
    const range = { after, last, limit: idsAtOnce };
    const ids = await store.withSession((session) => letterIds(session, wanted.filter, range));
    yield* ids;
    const end = ids.at(-1);
    if (end === undefined) return;
    after = end;
  }
}
