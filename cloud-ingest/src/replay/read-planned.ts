/**
 * The records of planned offsets, read as one more consumer of the raw topic: the live one and its positions are untouched.
 * Records between them are passed over; across long holes it jumps.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import type { Backbone, BackboneConsumer, BackboneRecord } from '../backbone/backbone.ts';

export type PlannedReader = {
  /** Sets what is to be read: ascending offsets per partition. What was wanted before is forgotten. */
  readonly want: (offsets: ReadonlyMap<number, readonly number[]>) => Promise<void>;
  /** The next of them, of one partition or several; null when all have been read or passed, or the signal is aborted. */
  readonly next: (signal: AbortSignal) => Promise<readonly BackboneRecord[] | null>;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

export type PlannedReaderOptions = { readonly topic: string; readonly group: string; readonly queueBytes: number };

const pollBytes = 2 * 1024 ** 2;
/** A hole longer than this is jumped over: below, fetching it costs less than beginning anew. */
const jumpRecords = 5_000;
/** The records are known to be there, so none for so long is trouble. */
const silentMs = 60_000;

export function createPlannedReader(backbone: Backbone, options: PlannedReaderOptions): PlannedReader {
  let consumer: BackboneConsumer | null = null;
  let wanted = new Map<number, number[]>();

  /** Partitions of which nothing is wanted stand at their end: what comes there is passed over. */
  async function positions(partitions: readonly number[]) {
    const bounds = await backbone.bounds(options.topic);
    return partitions.map((partition) => ({
      partition,
      offset: wanted.get(partition)?.at(-1) ?? bounds.find((each) => each.partition === partition)?.next ?? 0,
    }));
  }

  async function close(): Promise<void> {
    const closing = consumer;
    consumer = null;
    await closing?.close();
  }

  /** Takes the records that are wanted, and crosses off all up to the last that came. */
  function pick(records: readonly BackboneRecord[]): { picked: BackboneRecord[]; jump: boolean } {
    const picked: BackboneRecord[] = [];
    let jump = false;
    for (const [partition, ofPartition] of Map.groupBy(records, (record) => record.partition)) {
      const offsets = wanted.get(partition);
      if (offsets === undefined) continue;
      for (const record of ofPartition) {
        while ((offsets.at(-1) ?? Number.POSITIVE_INFINITY) < record.offset) offsets.pop();
        if (offsets.at(-1) !== record.offset) continue;
        offsets.pop();
        picked.push(record);
      }
      const ahead = offsets.at(-1);
      if (ahead === undefined) wanted.delete(partition);
      else if (ahead - (ofPartition.at(-1)?.offset ?? ahead) > jumpRecords) jump = true;
    }
    return { picked, jump };
  }

  async function poll(signal: AbortSignal): Promise<readonly BackboneRecord[]> {
    consumer ??= await backbone.consume({ ...options, positions, onGap: () => {} });
    const silent = AbortSignal.timeout(silentMs);
    const records = await consumer.poll(pollBytes, AbortSignal.any([signal, silent]));
    if (records.length === 0 && silent.aborted && !signal.aborted) {
      throw new FieldlineError(
        'backbone/unreachable',
        `no record of ${options.topic} came for ${silentMs / 1_000} s, although there are some to read`,
      );
    }
    return records;
  }

  return {
    want: async (offsets) => {
      // The next one at the end, where it is taken off.
      wanted = new Map([...offsets].map(([partition, list]) => [partition, list.toReversed()]));
      await consumer?.rewind();
    },
    next: async (signal) => {
      try {
        while (wanted.size > 0 && !signal.aborted) {
          const { picked, jump } = pick(await poll(signal));
          if (jump) await consumer?.rewind();
          if (picked.length > 0) return picked;
        }
        return null;
      } catch (error) {
        // The caller may try again: what was picked is crossed off, the rest comes from a new consumer.
        await close();
        throw error;
      }
    },
    close,
  };
}
