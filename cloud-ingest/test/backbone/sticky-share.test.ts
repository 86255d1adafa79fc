import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GroupMember, shareOut } from '../../src/backbone/sticky-share.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { minLength: 1, maxLength: 9 });
const partitionCount = fc.integer({ min: 1, max: 60 });

/** A group whose members have those names, and read what `before` gave them; ids are new at each start. */
let starts = 0;
const group = (instances: readonly string[], before: ReadonlyMap<string, readonly number[]> = new Map()) =>
  instances.map((instance): GroupMember => {
    starts += 1;
    return { id: `member-${starts}`, instance, held: before.get(instance) ?? [] };
  });
/** Shares by instance name. */
function shares(members: readonly GroupMember[], partitions: number): Map<string, readonly number[]> {
  const byId = shareOut(members, upTo(partitions));
  return new Map(members.map(({ id, instance }) => [instance, byId.get(id) ?? []]));
}

test('every partition is read by one member, and shares differ by one at most', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          instance: fc.constantFrom('a', 'b', 'c', 'd'),
          held: fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 30 }),
        }),
        { minLength: 1, maxLength: 8 },
      ),
      partitionCount,
      (members, partitions) => {
        const given = shareOut(
          members.map((member, index) => ({ id: `m${index}`, ...member })),
          upTo(partitions),
        );
        expect([...given.values()].flat().sort((a, b) => a - b)).toEqual(upTo(partitions));
        const sizes = [...given.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test('when a member leaves, the others keep all they have; when it comes back, it has what it had, but for one at most', () => {
  fc.assert(
    fc.property(names, partitionCount, fc.nat(), (instances, partitions, pick) => {
      const before = shares(group(instances), partitions);
      const gone = instances[pick % instances.length] ?? '';
      const rest = instances.filter((instance) => instance !== gone);
      if (rest.length === 0) return;
      const without = shares(group(rest, before), partitions);
      for (const instance of rest) {
        expect(without.get(instance)).toEqual(expect.arrayContaining([...(before.get(instance) ?? [])]));
      }
      const after = shares(group(instances, without), partitions);
      const [had, has] = [before.get(gone) ?? [], after.get(gone) ?? []];
      expect(had).toEqual(expect.arrayContaining([...has]));
      expect(had.length - has.length).toBeLessThanOrEqual(1);
    }),
  );
});

test('a new member is given its share, and nothing else moves', () => {
  fc.assert(
    fc.property(names, partitionCount, (instances, partitions) => {
      const [newcomer = '', ...rest] = instances;
      if (rest.length === 0) return;
      const before = shares(group(rest), partitions);
      const after = shares(group(instances, before), partitions);
      for (const instance of rest) {
        expect(before.get(instance)).toEqual(expect.arrayContaining([...(after.get(instance) ?? [])]));
      }
      expect(after.get(newcomer)?.length).toBeGreaterThanOrEqual(Math.floor(partitions / instances.length));
    }),
  );
});

test('a group that is restarted as a whole has the same shares again', () => {
  const instances = ['ingest-0', 'ingest-1', 'ingest-2'];
  expect(shares(group(instances), 12)).toEqual(shares(group([...instances].reverse()), 12));
});
