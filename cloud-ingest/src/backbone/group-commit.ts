/**
 * Many appends, one write: while a write is under way, everything that comes waits and goes together in the next one.
 * Invariants: one write at a time; entries of one partition are written in the order in which they were appended; an append
 * resolves when all its entries are written. What waits is bounded by its callers, who hold the bytes until we answer.
 */
import { isFieldlineError } from '@fieldline/shared/contracts';
import type { NewRecord } from './backbone.ts';

export type Entry = {
  readonly topic: string;
  readonly partition: number;
  readonly record: NewRecord;
  readonly bytes: number;
};

export type GroupCommitOptions = {
  /** All or an error. record/too-large for more than one entry makes us write them one by one, to find which. */
  readonly write: (entries: readonly Entry[]) => Promise<void>;
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

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let waiting: Waiting[] = [];
  let draining: Promise<void> | null = null;

  async function drain(): Promise<void> {
    // Appends made in the same turn of the event loop go together from the first write on.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const { now, later } = split(waiting, options);
      waiting = later;
      await write(now);
      if (options.rest !== undefined) await options.rest();
    }
    draining = null;
  }

  async function write(items: readonly Waiting[]): Promise<void> {
    try {
      await options.write(items.map(({ entry }) => entry));
      for (const { ticket } of items) settle(ticket);
    } catch (error) {
      if (items.length > 1 && isFieldlineError(error, 'record/too-large')) {
        for (const item of items) await write([item]);
        return;
      }
      const failed = new Set(items.map(({ ticket }) => ticket));
      for (const ticket of failed) fail(ticket, error);
      waiting = waiting.filter(({ ticket }) => !ticket.failed);
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
        for (const entry of entries) waiting.push({ entry, ticket });
        draining ??= drain();
      }),
    idle: async () => {
      while (draining !== null) await draining;
    },
  };
}

function settle(ticket: Ticket): void {
  ticket.left -= 1;
  if (ticket.left === 0 && !ticket.failed) ticket.resolve();
}

function fail(ticket: Ticket, error: unknown): void {
  if (!ticket.failed) ticket.reject(error);
  ticket.failed = true;
}

/** Takes what fits from the front; a partition that is full keeps all its later entries for the next write. */
function split(
  waiting: readonly Waiting[],
  { maxWriteBytes, maxPartitionBytes }: { maxWriteBytes: number; maxPartitionBytes: number },
): { now: Waiting[]; later: Waiting[] } {
  const now: Waiting[] = [];
  const later: Waiting[] = [];
  const perPartition = new Map<string, number>();
  let total = 0;
  for (const item of waiting) {
    const { topic, partition, bytes } = item.entry;
    const name = `${topic}/${partition}`;
    const held = perPartition.get(name) ?? 0;
    const fits = now.length === 0 || (held + bytes <= maxPartitionBytes && total + bytes <= maxWriteBytes);
    if (fits) {
      now.push(item);
      total += bytes;
    } else {
      later.push(item);
    }
    perPartition.set(name, fits ? held + bytes : Number.POSITIVE_INFINITY);
  }
  return { now, later };
}
