/** Batches of a fleet as the decoder gives them, made without bytes in between: to load many millions of rows. */
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
import { type FleetShape, gatewayName, readingOf, tagsOf, timeOf } from './backlog.ts';
import type { Writer } from './writer.ts';

export type LoadOptions = {
  readonly shape: FleetShape;
  readonly steps: number;
  readonly fromMicros: number;
  readonly stepMicros: number;
  /** As large as the processor makes them when it has a backlog. */
  readonly stepsPerTransaction: number;
  readonly signal: AbortSignal;
};

/** Not those of streams that the ledger will number. */
const firstStreamNo = 1_000_000;

/** Returns the seconds that the transactions took. */
export async function loadFleet(writer: Writer, options: LoadOptions): Promise<number> {
  const { steps, stepsPerTransaction, signal } = options;
  let tookMs = 0;
  for (let step = 0; step < steps; step += stepsPerTransaction) {
    if (signal.aborted) throw new Error('stopped');
    const batches = fleetBatches({ ...options, fromStep: step, toStep: Math.min(steps, step + stepsPerTransaction) });
    const startedAt = performance.now();
    await writer.write(batches);
    tookMs += performance.now() - startedAt;
  }
  return tookMs / 1_000;
}

type Part = Omit<LoadOptions, 'steps' | 'stepsPerTransaction' | 'signal'> & {
  readonly fromStep: number;
  readonly toStep: number;
};

let tagLists: WeakMap<FleetShape, BatchToWrite['batch']['tags']> = new WeakMap();

export function fleetBatches({ shape, fromMicros, stepMicros, fromStep, toStep }: Part): BatchToWrite[] {
  // The same array each time, as from the decoder: series are looked up by whole lists.
  const tags = tagLists.get(shape) ?? tagsOf(shape);
  tagLists = tagLists.set(shape, tags);
  const { readsPerBatch } = shape;
  const reads = Array.from({ length: readsPerBatch }, (_, read) => read);
  const tagIndex = reads.flatMap(() => tags.map((_, index) => index));
  const quality = tagIndex.map(() => 0 as const);
  const batches: BatchToWrite[] = [];
  for (let step = fromStep; step < toStep; step++) {
    const at = fromMicros + step * stepMicros;
    const time = reads.flatMap((read) => tags.map((_, index) => timeOf(at, stepMicros, readsPerBatch, read, index)));
    const value = reads.flatMap((read) => tags.map((_, index) => readingOf(index, step * readsPerBatch + read)));
    for (let gateway = 0; gateway < shape.gateways; gateway++) {
      const head = { gateway: gatewayName(gateway), stream: '', seq: step + 1, read: 0, filtered: 0 };
      const columns = { tags, tagIndex, time, value, quality, sent: tagIndex.length, rejected: [], declared: [] };
      batches.push({
        gateway: head.gateway,
        streamNo: firstStreamNo + gateway,
        batch: { ...head, ...columns, volatile: false },
      });
    }
  }
  return batches;
}
