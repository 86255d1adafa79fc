import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAedes, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { expect, it, onTestFinished } from 'vitest';
import { edgeConfig, numbers, startTestAgent } from './helpers/agent.ts';
import { imageOf } from './helpers/folder.ts';
import { allBatches, openJournal } from './helpers/journal.ts';

const never = 86_400_000;
/** Longer than the test takes. */
const longest = 60_000;

async function start(journal: Record<string, unknown> = {}, change: (folder: string) => void = () => {}) {
  const broker = await startAedes();
  const folder = temporaryFolder();
  const journalFolder = join(folder, 'journal');
  change(journalFolder);
  const settings = {
    uplink: { confirm: 'broker' },
    journal: { keepConfirmedForMs: never, folder: 'journal', ...journal },
  };
  const agent = await startTestAgent(folder, edgeConfig(broker.url, settings));
  onTestFinished(async () => {
    await agent.close();
    await broker.close();
  });
  return { ...agent, journalFolder };
}

/** What a kill at this moment would leave. */
function valuesIn(folder: string): unknown[] {
  const journal = openJournal(imageOf(folder));
  const values = allBatches(journal).flatMap(({ value }) => value);
  journal.close();
  return values;
}

it.each(['power-cut', 'process-crash'])(
  'calls back when the journal has what was emitted before (%s)',
  async (survives) => {
    const agent = await start({ survives });
    const found: unknown[][] = [];
    for (const value of numbers(0, 5)) {
      agent.emit([value]);
      agent.whenKept(() => found.push(valuesIn(agent.journalFolder)));
      expect(found).toHaveLength(value);
      await waitFor(() => found.length > value, { what: `call ${value}` });
    }
    for (const [value, values] of found.entries()) expect(values).toEqual(numbers(0, value + 1));
  },
);

it('does not call before a flush, and calls for what the last flush before the end has taken', async () => {
  const agent = await start({ flushMs: longest });
  const found: unknown[][] = [];
  agent.emit([1, 2]);
  agent.whenKept(() => found.push(valuesIn(agent.journalFolder)));
  expect(valuesIn(agent.journalFolder)).toEqual([]);
  expect(found).toEqual([]);
  await agent.close();
  expect(found).toEqual([[1, 2]]);
});

it('calls in order, and does not wait for the time of the flush when many wait', async () => {
  const agent = await start({ flushMs: longest });
  const called: number[] = [];
  agent.emit([1]);
  for (const call of numbers(0, 1_000)) agent.whenKept(() => called.push(call));
  await waitFor(() => called.length === 1_000, { what: 'all calls' });
  expect(called).toEqual(numbers(0, 1_000));
  expect(valuesIn(agent.journalFolder)).toEqual([1]);
});

it('calls back while the disk takes nothing, since what was emitted waits in memory', async () => {
  // A file stands where the folder should be.
  const agent = await start({}, (folder) => writeFileSync(folder, ''));
  let isCalled = false;
  agent.emit([1]);
  agent.whenKept(() => {
    isCalled = true;
  });
  await waitFor(() => isCalled, { what: 'the call' });
  expect(await agent.metric('fieldline_journal_volatile')).toBe(1);
});
