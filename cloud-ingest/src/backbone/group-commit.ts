/**
 * Many appends, few writes: while a partition is being written, everything that comes for it waits and goes together in the
 * next write. Invariants: a partition is in one write at a time, at most `maxWrites` are under way; entries of one partition
 * are written in the order in which they were appended; an append resolves when all its entries are written. What waits is
 * bounded by its callers, who hold the bytes until we answer.
 */
import { isFieldlineError } from '@fieldline/shared/contracts';
import type { NewRecord } from './backbone.ts';

export type Entry = {
  readonly topic: string;
  readonly partition: number;
  readonly record: NewRecord;
  readonly bytes: number;
};

/** What one write has for one partition, at least one entry. */
export type PartitionEntries = {
  readonly topic: string;
  readonly partition: number;
  readonly entries: readonly Entry[];
};

export type GroupCommitOptions = {
  /** All or an error. record/too-large for more than one entry makes us write them one by one, to find which. */
  readonly write: (parts: readonly PartitionEntries[]) => Promise<void>;
  /** Side by side, of different partitions. */
  readonly maxWrites: number;
  readonly maxWriteBytes: number;
  /** Most bytes for one partition in one write. */
  readonly maxPartitionBytes: number;
  /** Between two writes, so that writing does not take the whole thread. */
  readonly rest?: () => Promise<void>;
};

export type GroupCommit = {
  readonly append: (entries: readonly Entry[]) => Promise<void>;
  /** Resolves when nothing is waiting any more. */
  readonly idle: () => Promise<void>;
};

type Ticket = { left: number; failed: boolean; resolve: () => void; reject: (error: unknown) => void };
type Waiting = { readonly entry: Entry; readonly ticket: Ticket };
/** What waits for one partition, the oldest first. */
type Queue = {
  readonly topic: string;
  readonly partition: number;
  waiting: Waiting[];
  isWritten: boolean;
};
type Part = { readonly queue: Queue; readonly items: readonly Waiting[] };

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  /** Of each topic, by partition. */
  const queues = new Map<string, Queue[]>();
  /** Those that wait longest for their turn come first; one without anything is not there. */
  const line = new Set<Queue>();
  const writers = new Set<Promise<void>>();

  /** One write after the other, as long as there is a partition that nobody writes. */
  async function work(): Promise<void> {
    // Appends made in the same turn of the event loop go together from the first write on.
    await new Promise(setImmediate);
    for (let turn = takeTurn(line, options); turn.length > 0; turn = takeTurn(line, options)) {
      await write(turn);
      for (const { queue } of turn) {
        queue.isWritten = false;
        if (queue.waiting.length === 0) line.delete(queue);
      }
      if (options.rest !== undefined) await options.rest();
      employ();
    }
  }

  function employ(): void {
    if (writers.size >= options.maxWrites) return;
    const writer = work().finally(() => {
      writers.delete(writer);
    });
    writers.add(writer);
  }

  async function write(parts: readonly Part[]): Promise<void> {
    try {
      await options.write(
        parts.map(({ queue, items }) => ({
          topic: queue.topic,
          partition: queue.partition,
          entries: items.map(({ entry }) => entry),
        })),
      );
      for (const { items } of parts) for (const { ticket } of items) settle(ticket);
    } catch (error) {
      const all = parts.flatMap(({ queue, items }) => items.map((item) => ({ queue, items: [item] })));
      if (all.length > 1 && isFieldlineError(error, 'record/too-large')) {
        for (const one of all) await write([one]);
        return;
      }
      for (const { items } of parts) for (const { ticket } of items) fail(ticket, error);
      for (const queue of line) queue.waiting = queue.waiting.filter(({ ticket }) => !ticket.failed);
    }
  }

  return {
    append: (entries) =>
      new Promise((resolve, reject) => {
        if (entries.length === 0) {
          resolve();
          return;
        }
        const ticket: Ticket = { left: entries.length, failed: false, resolve, reject };
        for (const entry of entries) {
          const queue = queueOf(queues, entry);
          if (queue.waiting.length === 0) line.add(queue);
          queue.waiting.push({ entry, ticket });
        }
        employ();
      }),
    idle: async () => {
      while (writers.size > 0) await Promise.all(writers);
    },
  };
}

function queueOf(queues: Map<string, Queue[]>, { topic, partition }: Entry): Queue {
  let ofTopic = queues.get(topic);
  if (ofTopic === undefined) {
    ofTopic = [];
    queues.set(topic, ofTopic);
  }
  ofTopic[partition] ??= { topic, partition, waiting: [], isWritten: false };
  return ofTopic[partition];
}

function settle(ticket: Ticket): void {
  ticket.left -= 1;
  if (ticket.left === 0 && !ticket.failed) ticket.resolve();
}

function fail(ticket: Ticket, error: unknown): void {
  if (!ticket.failed) ticket.reject(error);
  ticket.failed = true;
}

/** What fits of the partitions that nobody writes, at least one entry if there is one; these go to the end of the row. */
function takeTurn(line: Set<Queue>, { maxWriteBytes, maxPartitionBytes }: GroupCommitOptions): readonly Part[] {
  const turn: Part[] = [];
  let left = maxWriteBytes;
  for (const queue of line) {
    if (queue.isWritten || queue.waiting.length === 0) continue;
    const { count, bytes } = fitting(queue.waiting, Math.min(left, maxPartitionBytes), turn.length === 0);
    if (count === 0) break;
    turn.push({ queue, items: queue.waiting.splice(0, count) });
    left -= bytes;
  }
  for (const { queue } of turn) {
    queue.isWritten = true;
    line.delete(queue);
    line.add(queue);
  }
  return turn;
}

function fitting(waiting: readonly Waiting[], maxBytes: number, isFirst: boolean): { count: number; bytes: number } {
  let [count, bytes] = [0, 0];
  for (const { entry } of waiting) {
    if (bytes + entry.bytes > maxBytes && !(isFirst && count === 0)) break;
    bytes += entry.bytes;
    count += 1;
  }
  return { count, bytes };
}
