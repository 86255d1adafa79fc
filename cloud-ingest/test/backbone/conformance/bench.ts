/** What the tests of any backbone work with. */
import type { Requirement } from '@fieldline/shared/testing';
import type {
  Backbone,
  BackboneConsumer,
  BackboneRecord,
  ConsumeOptions,
  NewRecord,
  Position,
} from '../../../src/backbone/backbone.ts';
import { partitionOf } from '../../../src/backbone/partition-of.ts';

export type Subject = {
  readonly requirement: Requirement;
  readonly maxRecordBytes: number;
  readonly partitions: number;
  readonly open: () => Promise<Backbone>;
  /** Makes the log forget its oldest records; some of them must remain. */
  readonly forgetOldest: (backbone: Backbone, topic: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Bench = {
  readonly subject: Subject;
  /** Open while a test runs. */
  readonly backbone: Backbone;
  readonly newTopic: () => Promise<string>;
  /** With a group and a queue for the topic alone, from its oldest record, unless told otherwise. */
  readonly consume: (topic: string, options?: Partial<ConsumeOptions>) => Promise<BackboneConsumer>;
};

export const never = new AbortController().signal;

export const record = (key: string, value: string | Buffer, headers: Record<string, string> = {}): NewRecord => ({
  key,
  value: Buffer.from(value),
  headers,
});

/** Keys of which each has another partition. */
export function keysOfAllPartitions(partitions: number): string[] {
  const keys = new Map<number, string>();
  for (let n = 0; keys.size < partitions; n++) keys.set(partitionOf(`gateway-${n}`, partitions), `gateway-${n}`);
  return [...keys.values()];
}

export async function take(consumer: BackboneConsumer, count: number, maxBytes = 1_000_000): Promise<BackboneRecord[]> {
  const taken: BackboneRecord[] = [];
  const late = AbortSignal.timeout(40_000);
  while (taken.length < count && !late.aborted) taken.push(...(await consumer.poll(maxBytes, late)));
  return taken;
}

/** What a database would remember: the offset behind what was stored. */
export function memory() {
  const next = new Map<number, number>();
  return {
    positions: async (partitions: readonly number[]): Promise<Position[]> =>
      partitions.flatMap((partition) => {
        const offset = next.get(partition);
        return offset === undefined ? [] : [{ partition, offset }];
      }),
    store: (records: readonly BackboneRecord[]) => {
      for (const { partition, offset } of records) next.set(partition, offset + 1);
    },
  };
}

export const texts = (records: readonly BackboneRecord[]): string[] => records.map(({ value }) => value.toString());
