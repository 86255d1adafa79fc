/** How fast samples go in and out again, one thing after the other on one thread. */
import type { Sample } from '@fieldline/shared/contracts';
import { systemClock } from '@fieldline/shared/runtime';
import type { Journal } from '../../../edge-agent/src/journal/journal.ts';
import { flushesOf, openBenchJournal } from './bench-journal.ts';
import type { JobOf, Results } from './job.ts';

/** As many as the forwarder has under way at once. */
const confirmedAtOnce = 32;

export function speed(job: JobOf<'speed'>): Results['speed'] {
  const samples = [...flushesOf(job)].flatMap((flush) => flush.samples);
  const journal = openBenchJournal(job, systemClock);
  // The code is compiled by then.
  append(journal, samples.slice(0, Math.ceil(samples.length / 10)), job.perFlush);
  drain(journal);
  const appendSeconds = timed(() => append(journal, samples, job.perFlush));
  let drained = 0;
  const drainSeconds = timed(() => {
    drained = drain(journal);
  });
  journal.close();
  if (drained !== samples.length) throw new Error(`${samples.length} samples went in, ${drained} came out`);
  return { appendPerSecond: samples.length / appendSeconds, drainPerSecond: drained / drainSeconds };
}

function append(journal: Journal, samples: readonly Sample[], perFlush: number): void {
  for (let at = 0; at < samples.length; at += perFlush) {
    journal.record(samples.slice(at, at + perFlush), 0);
    journal.flush();
  }
}

/** Gives how many samples it read: those that were not confirmed. */
function drain(journal: Journal): number {
  let samples = 0;
  for (const { stream, held, confirmed } of journal.streams()) {
    const first = (confirmed.at(-1)?.[1] ?? 0) + 1;
    const last = held.at(-1)?.[1] ?? 0;
    for (let from = first; from <= last; from += confirmedAtOnce) {
      const to = Math.min(last, from + confirmedAtOnce - 1);
      for (let seq = from; seq <= to; seq++) samples += journal.read(stream, seq)?.samples ?? 0;
      journal.confirm(stream, [[from, to]]);
    }
  }
  return samples;
}

function timed(work: () => void): number {
  const begun = performance.now();
  work();
  return (performance.now() - begun) / 1_000;
}
