/** The journal as the agent of the plant opens it, and the plant's samples. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { loadEdgeConfig } from '@fieldline/shared/config';
import { type Clock, createLog, createMetrics } from '@fieldline/shared/runtime';
import type { StoredBatch } from '../../../edge-agent/src/journal/batches.ts';
import { Journal } from '../../../edge-agent/src/journal/journal.ts';
import { profilesFolder } from '../../../edge-agent/src/profiles-folder.ts';
import { type PlantFlush, plantSamples } from '../plant-samples.ts';
import type { Job } from './job.ts';

const memoryBytes = 32 * 1024 * 1024;
/** A morning of the plant; the same in each run. */
export const fromMs = Date.UTC(2026, 5, 1, 6);
export const flushMs = 500;
/** A cloud confirms a second after a batch was made. */
const flushesUntilConfirmed = 2;

const plantFolder = (root: string): string => join(root, 'deploy/examples/pumping-station');

export function openBenchJournal({ root, folder, survives, compression }: Job, clock: Clock): Journal {
  const settings = loadEdgeConfig(join(plantFolder(root), 'edge.yaml'), profilesFolder);
  return Journal.open({
    ...settings.journal,
    folder: join(folder, 'journal'),
    survives,
    gateway: settings.gateway,
    compression,
    maxBatchBytes: settings.uplink.maxBatchBytes,
    memoryBytes,
    newStream: randomUUID,
    clock,
    boot: { id: randomUUID(), micros: () => clock.monotonicMs() * 1_000 },
    log: createLog('bench', 'warn'),
    metrics: createMetrics(),
  });
}

export const flushesOf = ({ root, copies, seconds }: Job): Generator<PlantFlush> =>
  plantSamples(plantFolder(root), copies).between(fromMs, fromMs + seconds * 1_000);

/** A clock that stands at the end of the present flush. */
export function plantClock(): Clock & { readonly flushed: (flush: PlantFlush) => void } {
  let nowMs = fromMs;
  return {
    now: () => nowMs * 1_000,
    monotonicMs: () => nowMs,
    flushed: ({ atMs }) => {
      nowMs = atMs + flushMs;
    },
  };
}

/** Confirms what a cloud would have confirmed by the time of the last of these batches. */
export function confirmAsCloud(journal: Journal, batches: readonly StoredBatch[]): void {
  const last = batches.at(-1);
  if (last === undefined || last.seq <= flushesUntilConfirmed) return;
  journal.confirm(last.stream, [[1, last.seq - flushesUntilConfirmed]]);
}
