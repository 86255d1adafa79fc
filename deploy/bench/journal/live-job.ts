/** The plant at its own pace: how long the loop is held, and how often the disk is forced. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pause, systemClock } from '@fieldline/shared/runtime';
import { quantile } from '../statistics.ts';
import { confirmAsCloud, flushesOf, flushMs, openBenchJournal } from './bench-journal.ts';
import type { JobOf, Results } from './job.ts';

/** Of the timer that sees the delay; it is taken off again. */
const resolutionMs = 1;
/** Compiling the code is not what a flush costs. */
const flushesToWarm = 10;

export async function live(job: JobOf<'live'>): Promise<Results['live']> {
  // Made beforehand: what it takes to make them is not the journal's.
  const flushes = [...flushesOf({ ...job, seconds: job.seconds + (flushesToWarm * flushMs) / 1_000 })];
  const journal = openBenchJournal(job, systemClock);
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  const heldMs: number[] = [];
  let samples = 0;
  let fromMs = 0;
  let dueMs = performance.now();
  for (const [index, flush] of flushes.entries()) {
    dueMs += flushMs;
    await pause(Math.max(0, dueMs - performance.now()));
    if (index === flushesToWarm) {
      delay.enable();
      fromMs = Date.now();
    }
    journal.record(flush.samples, flush.filtered);
    const begun = performance.now();
    const flushing = journal.flushBeside();
    const held = performance.now() - begun;
    confirmAsCloud(journal, await flushing);
    if (index < flushesToWarm) continue;
    heldMs.push(held);
    samples += flush.samples.length;
  }
  await pause(flushMs);
  delay.disable();
  const toMs = Date.now();
  journal.close();
  return {
    samples,
    flushes: heldMs.length,
    fromMs,
    toMs,
    delayMs: Math.max(0, delay.percentile(99) / 1e6 - resolutionMs),
    mostDelayMs: Math.max(0, delay.max / 1e6 - resolutionMs),
    flushMs: quantile(heldMs, 0.99),
    mostFlushMs: Math.max(...heldMs),
  };
}
