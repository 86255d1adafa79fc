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

test('when a member leaves, the others keep all they have; when it comes back, all is as it was, whatever came before', () => {
  fc.assert(
    fc.property(names, partitionCount, fc.array(fc.nat(), { maxLength: 6 }), (instances, partitions, restarts) => {
      const asAtFirst = shares(group(instances), partitions);
      // They come one after the other, and are restarted in any order.
      let now = new Map<string, readonly number[]>();
      for (let count = 1; count <= instances.length; count++) {
        now = shares(group(instances.slice(0, count), now), partitions);
      }
      for (const restart of restarts) {
        const gone = instances[restart % instances.length];
        const rest = instances.filter((instance) => instance !== gone);
        if (rest.length === 0) return;
        const without = shares(group(rest, now), partitions);
        if (partitions >= instances.length) {
          for (const instance of rest) {
            expect(without.get(instance)).toEqual(expect.arrayContaining([...(now.get(instance) ?? [])]));
          }
        }
        now = shares(group(instances, without), partitions);
        expect(now).toEqual(asAtFirst);
      }
    }),
  );
});

test('a new member takes from the others, and little moves between them', () => {
  let moved = 0;
  let kept = 0;
  for (let members = 2; members <= 6; members++) {
    for (let partitions = 6; partitions <= 48; partitions += 6) {
      const instances = upTo(members).map((n) => `ingest-${n}`);
      const before = shares(group(instances.slice(1)), partitions);
      const after = shares(group(instances, before), partitions);
      for (const instance of instances.slice(1)) {
        const had = before.get(instance) ?? [];
        for (const partition of after.get(instance) ?? []) {
          if (had.includes(partition)) kept += 1;
          else moved += 1;
        }
      }
    }
  }
  expect(moved / (moved + kept)).toBeLessThan(0.25);
});

test('a group that is restarted as a whole has the same shares again', () => {
  const instances = ['ingest-0', 'ingest-1', 'ingest-2'];
  expect(shares(group(instances), 12)).toEqual(shares(group([...instances].reverse()), 12));
});
