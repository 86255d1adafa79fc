/** What is written and kept, without waiting for the plant: time is compressed, what is written in a flush is not. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { confirmAsCloud, flushesOf, openBenchJournal, plantClock } from './bench-journal.ts';
import type { JobOf, Results } from './job.ts';

const sectorBytes = 512;

export function online(job: JobOf<'online'>): Results['online'] {
  const clock = plantClock();
  const journal = openBenchJournal(job, clock);
  const before = written(job.device);
  let [samples, flushes, encodedBytes] = [0, 0, 0];
  for (const flush of flushesOf(job)) {
    clock.flushed(flush);
    journal.record(flush.samples, flush.filtered);
    const batches = journal.flush();
    confirmAsCloud(journal, batches);
    flushes += 1;
    samples += flush.samples.length;
    encodedBytes += batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
  const after = written(job.device);
  journal.close();
  return {
    samples,
    flushes,
    encodedBytes,
    writtenBytes: after.byProcess - before.byProcess,
    deviceBytes: after.toDevice === null ? null : after.toDevice - (before.toDevice ?? 0),
  };
}

export function offline(job: JobOf<'offline'>): Results['offline'] {
  const clock = plantClock();
  const journal = openBenchJournal(job, clock);
  let [samples, encodedBytes] = [0, 0];
  for (const flush of flushesOf(job)) {
    clock.flushed(flush);
    journal.record(flush.samples, flush.filtered);
    const batches = journal.flush();
    samples += flush.samples.length;
    encodedBytes += batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
  const keptBytes = sizeOfFolder(join(job.folder, 'journal'));
  journal.close();
  return { samples, encodedBytes, keptBytes };
}

/** `write_bytes` counts each page of 4 KiB that this process made dirty, once for each time that it went to the disk. */
function written(device: string | null): { byProcess: number; toDevice: number | null } {
  const io = readFileSync('/proc/self/io', 'utf8');
  const byProcess = Number(/^write_bytes: (\d+)/m.exec(io)?.[1]);
  if (device === null) return { byProcess, toDevice: null };
  const statistics = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/);
  return { byProcess, toDevice: Number(statistics[6]) * sectorBytes };
}

const sizeOfFolder = (folder: string): number =>
  readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
