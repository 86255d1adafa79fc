/** Batches of a fleet as the decoder gives them, made without bytes in between: to load many millions of rows. */
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
import { type FleetShape, gatewayName, readingOf, tagsOf } from './backlog.ts';
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

/** Returns the seconds that the writing took, from the first transaction to the commit of the last. */
export async function loadFleet(writer: Writer, options: LoadOptions): Promise<number> {
  const { steps, stepsPerTransaction, signal } = options;
  const startedAt = performance.now();
  for (let step = 0; step < steps; step += stepsPerTransaction) {
    if (signal.aborted) throw new Error('stopped');
    await writer.write(
      fleetBatches({ ...options, fromStep: step, toStep: Math.min(steps, step + stepsPerTransaction) }),
    );
  }
  return (performance.now() - startedAt) / 1_000;
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
  const tagIndex = tags.map((_, index) => index);
  const quality = tags.map(() => 0 as const);
  const batches: BatchToWrite[] = [];
  for (let step = fromStep; step < toStep; step++) {
    const at = fromMicros + step * stepMicros;
    const time = tagIndex.map((index) => at + index * 100);
    const value = tagIndex.map((index) => readingOf(index, step));
    for (let gateway = 0; gateway < shape.gateways; gateway++) {
      const head = { gateway: gatewayName(gateway), stream: '', seq: step + 1, read: 0, filtered: 0 };
      const columns = { tags, tagIndex, time, value, quality, sent: tags.length, rejected: [], declared: [] };
      batches.push({
        gateway: head.gateway,
        streamNo: firstStreamNo + gateway,
        batch: { ...head, ...columns, volatile: false },
      });
    }
  }
  return batches;
}
