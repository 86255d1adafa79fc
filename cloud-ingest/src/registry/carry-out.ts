import { FieldlineError } from '@fieldline/shared/contracts';
import type { Store } from '../store/connection.ts';
import { type Edit, type EditPlan, type EditProblem, planEdits, type Since, writeEdits } from './edit.ts';

export type CarryOut = {
  readonly edits: readonly Edit[];
  readonly since: Since;
  readonly dryRun: boolean;
  /** All that is wrong, for the operator: what was found in the database, and what the caller knows of himself. */
  readonly problemsOf: (found: readonly EditProblem[]) => readonly string[];
};

const maxProblemsListed = 100;

/**
 * All of the edits or none.
 * @throws FieldlineError settings/invalid with every problem, database/…
 */
export function carryOut(store: Store, { edits, since, dryRun, problemsOf }: CarryOut): Promise<EditPlan> {
  return store.inTransaction(async (session) => {
    const plan = await planEdits(session, edits, since);
    const problems = problemsOf(plan.problems);
    if (problems.length > 0) throw new FieldlineError('settings/invalid', listed(problems));
    if (!dryRun) await writeEdits(session, plan.changes, since);
    return plan;
  });
}

function listed(problems: readonly string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const more = problems.length > maxProblemsListed ? [`and ${problems.length - maxProblemsListed} more`] : [];
  return [
    `${count}, nothing was changed:`,
    ...[...problems.slice(0, maxProblemsListed), ...more].map((line) => `  ${line}`),
  ].join('\n');
}
