import { waitFor } from '@fieldline/shared/testing/wait-for';
import type { Program } from '../test/line/program.ts';

type Settling = { readonly gateway: string; readonly agent: Pick<Program, 'metric' | 'start' | 'stop'> };

const settleTimeoutMs = 90_000;
/** Batches that a line that runs well has under way. */
const mostUnderWay = 4;
const agentStarts = 3;
/** What an agent sent before it stopped is stored within this, as a rule. */
const lastWordMs = 8_000;

/**
 * The backlog drains, the agents stop in order, and every batch they ever numbered is stored. A batch that was lost with the
 * broker and was not yet sent again stays in the journal of an agent that stops: its next start sends it. What does not
 * happen in time is a finding.
 * @param open what is not as it must be in the end, a sentence each
 */
export async function settle(sites: readonly Settling[], open: () => Promise<string[]>): Promise<string[]> {
  const findings: string[] = [];
  for (let start = 1; ; start++) {
    await Promise.all(sites.map(async (site) => findings.push(...(await drain(site)))));
    const isOver = async (): Promise<boolean> => (await open()).length === 0;
    if (await soon(isOver, start < agentStarts ? lastWordMs : settleTimeoutMs)) return findings;
    if (start === agentStarts) return [...findings, ...(await open())];
    for (const { agent } of sites) await agent.start();
  }
}

async function drain({ agent, gateway }: Settling): Promise<string[]> {
  const unconfirmed = (): Promise<number> => agent.metric('fieldline_journal_unconfirmed_batches');
  const isDrained = await soon(async () => (await unconfirmed()) <= mostUnderWay, settleTimeoutMs);
  const left = isDrained ? 0 : await unconfirmed();
  await agent.stop();
  return isDrained ? [] : [`${gateway}: ${left} batches are not confirmed, and no fewer`];
}

async function soon(condition: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  try {
    return await waitFor(condition, { timeoutMs, what: 'the line to settle' });
  } catch {
    return false;
  }
}
