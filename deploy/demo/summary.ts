import { counted } from '@fieldline/shared/runtime';
import { type Audit, type Finding, openFindings } from './audit.ts';

const explanations: Readonly<Record<Finding, string>> = {
  missingBatches: 'batches that are neither stored nor declared nor dead letters',
  missingSamples: 'samples that their batch stated and that are not rows',
  doubledRows: 'rows more than their batches stated',
  unaccounted: 'samples read that stand nowhere',
};

const row = (name: string, value: number): string =>
  `  ${name.padEnd(14)}${value.toLocaleString('en-GB').padStart(14)}`;

/**
 * The balance in words and whether it closes. `agentRead`: the agent's own counter when it was last asked; `newlyRead`: what the
 * ledger knows of since then, which may be more, from batches that an earlier run had left in the journal.
 */
export function summary(audit: Audit, agentRead: number | null, newlyRead: number): { text: string; closes: boolean } {
  const open: string[] = openFindings(audit).map((finding) => `${audit[finding]} ${explanations[finding]}`);
  if (agentRead !== null && newlyRead < agentRead) {
    open.push(`the agent counted ${counted(agentRead, 'sample')} read in this run, the ledger knows of ${newlyRead}`);
  }
  if (audit.stored === 0) open.push('no sample was stored');
  const lines = [
    `Message balance of ${counted(audit.streams, 'stream')}, ${counted(audit.batches, 'batch', 'batches')} (counted from the rows)`,
    row('read', audit.read),
    row('held back', audit.filtered),
    row('stored', audit.stored),
    row('dead letters', audit.deadLettered),
    row('declared lost', audit.declared),
    row('came again', audit.duplicate),
    row('missing', audit.missingSamples + Math.max(0, audit.unaccounted)),
    row('doubled', audit.doubledRows),
    open.length === 0
      ? 'The balance closes: nothing missing, nothing doubled.'
      : `The balance does not close: ${open.join('; ')}.`,
    ...(audit.uncountedLosses === 0 ? [] : [uncounted(audit.uncountedLosses)]),
  ];
  return { text: lines.join('\n'), closes: open.length === 0 };
}

const uncounted = (losses: number): string =>
  `${counted(losses, 'loss', 'losses')} declared without a count, as of the time before a restart: in none of these numbers.`;
