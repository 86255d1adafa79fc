/** Days of an outage: a stretch of the plant again and again, each time later. Nothing is confirmed. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { flushesOf, openBenchJournal, plantClock } from './bench-journal.ts';
import type { JobOf, Results } from './job.ts';

export function fill(job: JobOf<'fill'>): Results['fill'] {
  const clock = plantClock();
  const journal = openBenchJournal(job, clock);
  const stretch = [...flushesOf(job)];
  const stretchMs = job.seconds * 1_000;
  const begun = performance.now();
  let samples = 0;
  for (let round = 0; round < job.rounds; round++) {
    const laterMs = round * stretchMs;
    for (const flush of stretch) {
      clock.flushed({ ...flush, atMs: flush.atMs + laterMs });
      journal.record(
        flush.samples.map((sample) => ({ ...sample, time: sample.time + laterMs * 1_000 })),
        flush.filtered,
      );
      journal.flush();
      samples += flush.samples.length;
    }
  }
  const { batches, samples: held } = journal.unconfirmed();
  const folder = join(job.folder, 'journal');
  const keptBytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  journal.close();
  const seconds = (performance.now() - begun) / 1_000;
  return { samples, held, batches, keptBytes, seconds };
}
