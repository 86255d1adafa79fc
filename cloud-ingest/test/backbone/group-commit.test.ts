import { FieldlineError } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createGroupCommit,
  type Entry,
  type GroupCommit,
  type PartitionEntries,
} from '../../src/backbone/group-commit.ts';

const entryOf = (partition: number, key: string, bytes = 10): Entry => ({
  topic: 'raw',
  partition,
  bytes,
  record: { key, value: Buffer.alloc(0), headers: {} },
});

type Write = { readonly parts: readonly PartitionEntries[]; readonly end: (error?: Error) => void };

/** Writes that end when they are told to. */
function heldCommit(options: { maxWrites: number; maxWriteBytes?: number }): {
  commit: GroupCommit;
  underWay: Set<Write>;
} {
  const underWay = new Set<Write>();
  const commit = createGroupCommit({
    maxWriteBytes: 1_000,
    maxPartitionBytes: 1_000,
    ...options,
    write: (parts) =>
      new Promise((resolve, reject) => {
        const write: Write = {
          parts,
          end: (error) => {
            underWay.delete(write);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        underWay.add(write);
      }),
  });
  return { commit, underWay };
}

const keysOf = ({ parts }: Write): string[] => parts.flatMap(({ entries }) => entries.map(({ record }) => record.key));

test('what comes for a partition while it is written goes together in its next write; other partitions do not wait', async () => {
  const { commit, underWay } = heldCommit({ maxWrites: 2 });
  const first = commit.append([entryOf(0, 'a')]);
  await waitFor(() => underWay.size === 1);
  const later = [commit.append([entryOf(0, 'b')]), commit.append([entryOf(0, 'c')]), commit.append([entryOf(1, 'd')])];
  await waitFor(() => underWay.size === 2);
  const [one, two] = [...underWay];
  expect([one, two].map((write) => write && keysOf(write))).toEqual([['a'], ['d']]);
  one?.end();
  await first;
  await waitFor(() => underWay.size === 2);
  expect([...underWay].map(keysOf)).toEqual([['d'], ['b', 'c']]);
  for (const write of underWay) write.end();
  await Promise.all(later);
  await commit.idle();
});

test('an append fails with the write of any of its entries, and what waits of it is not written', async () => {
  const { commit, underWay } = heldCommit({ maxWrites: 1, maxWriteBytes: 10 });
  const failing = commit.append([entryOf(0, 'a'), entryOf(0, 'b')]);
  const other = commit.append([entryOf(1, 'c')]);
  await waitFor(() => underWay.size === 1);
  for (const write of underWay) write.end(new Error('away'));
  await expect(failing).rejects.toThrow('away');
  await waitFor(() => underWay.size === 1);
  expect([...underWay].map(keysOf)).toEqual([['c']]);
  for (const write of underWay) write.end();
  await other;
});

test('one entry that is too large for ever does not fail those that were written with it', async () => {
  const written: string[] = [];
  const commit = createGroupCommit({
    maxWrites: 1,
    maxWriteBytes: 1_000,
    maxPartitionBytes: 1_000,
    write: async (parts) => {
      const keys = keysOf({ parts, end: () => {} });
      if (keys.includes('large')) throw new FieldlineError('record/too-large', 'too large');
      written.push(...keys);
    },
  });
  const [before, large, after] = [entryOf(0, 'a'), entryOf(0, 'large'), entryOf(1, 'b')].map((entry) =>
    commit.append([entry]),
  );
  await expect(large).rejects.toThrow('too large');
  await Promise.all([before, after]);
  expect(written).toEqual(['a', 'b']);
});

test('whatever comes when, each partition is in one write at a time, in order, within the bounds, and nothing is left', async () => {
  const appends = fc.array(
    fc.array(fc.record({ partition: fc.nat(3), bytes: fc.integer({ min: 1, max: 40 }) }), { maxLength: 6 }),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(
      appends,
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.nat(2)),
      async (all, maxWrites, turns) => {
        const busy = new Set<number>();
        const written = new Map<number, number[]>();
        let writes = 0;
        let next = 0;
        const commit = createGroupCommit({
          maxWrites,
          maxWriteBytes: 60,
          maxPartitionBytes: 50,
          write: async (parts) => {
            writes += 1;
            expect(writes).toBeLessThanOrEqual(maxWrites);
            const count = parts.reduce((sum, { entries }) => sum + entries.length, 0);
            const bytes = parts.reduce((sum, { entries }) => sum + entries.reduce((of, each) => of + each.bytes, 0), 0);
            expect(count === 1 || bytes <= 60).toBe(true);
            for (const { partition } of parts) {
              expect(busy.has(partition)).toBe(false);
              busy.add(partition);
            }
            for (let turn = turns.next().value ?? 0; turn > 0; turn--) await new Promise(setImmediate);
            for (const { partition, entries } of parts) {
              busy.delete(partition);
              written.set(partition, [
                ...(written.get(partition) ?? []),
                ...entries.map(({ record }) => Number(record.key)),
              ]);
            }
            writes -= 1;
          },
        });
        const wanted = new Map<number, number[]>();
        const pending: Promise<void>[] = [];
        for (const append of all) {
          const entries = append.map(({ partition, bytes }) => {
            wanted.set(partition, [...(wanted.get(partition) ?? []), next]);
            return entryOf(partition, String(next++), bytes);
          });
          pending.push(commit.append(entries));
          if ((turns.next().value ?? 0) > 0) await new Promise(setImmediate);
        }
        await Promise.all(pending);
        await commit.idle();
        expect(written).toEqual(wanted);
      },
    ),
    { numRuns: 200 },
  );
});
