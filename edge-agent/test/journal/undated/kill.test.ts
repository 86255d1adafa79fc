import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { systemBoot } from '../../../src/journal/undated/boot.ts';
import { ClocklessGateway, openUndated, TakingJournal } from '../../helpers/undated.ts';

const writer = new URL('../../helpers/undated-writer.ts', import.meta.url).pathname;

/** Runs the writer from a value on, kills it after so many flushes, and gives the value that it had got to. */
async function writeAndKill(folder: string, from: number, flushes: number): Promise<number> {
  const child = spawn(process.execPath, [writer, folder, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = 0;
  let reached = from;
  for await (const line of createInterface(child.stdout)) {
    reached = Number(line);
    said += 1;
    if (said === flushes) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return reached;
}

it('has what was flushed by processes that were killed, once, with the times at which it was recorded', async () => {
  const folder = temporaryFolder();
  const begun = systemClock.now();
  const spans: [number, number][] = [];
  for (const flushes of [1, 40, 7]) {
    const from = (spans.at(-1)?.[1] ?? 0) + 1_000_000;
    spans.push([from, await writeAndKill(folder, from, flushes)]);
  }
  const log = openUndated(folder, new ClocklessGateway(), { boot: systemBoot(), clock: systemClock });
  log.timeCame();
  const journal = new TakingJournal();
  journal.takeAll(log);
  const values = journal.samples.map(({ value }) => Number(value));
  expect(new Set(values).size).toBe(values.length);
  const found = new Set(values);
  for (const [from, to] of spans) for (let value = from; value < to; value++) expect(found.has(value)).toBe(true);
  expect(values).toEqual(values.toSorted((left, right) => left - right));
  const times = journal.samples.map(({ time }) => time);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
  // The two clocks are read one after the other.
  expect(times.at(0)).toBeGreaterThan(begun - 10_000);
  expect(times.at(-1)).toBeLessThan(systemClock.now() + 10_000);
  expect(journal.declared.map(({ reason }) => reason)).toEqual(['restart', 'restart', 'restart']);
});
