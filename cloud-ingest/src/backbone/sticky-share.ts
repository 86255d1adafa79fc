/**
 * Who of a group reads which partitions: shares differ by one at most, and as little moves as can.
 *
 * Every partition has a home, found from the names of the members alone. When somebody comes, all go home: so a group has the
 * same shares after a restart of any of its members as before, though nobody remembered them. When somebody leaves, whoever
 * holds a partition keeps it, and only those of the one that left move.
 */
import { murmur2 } from './partition-of.ts';

export type GroupMember = {
  readonly id: string;
  /** The same over restarts. */
  readonly instance: string;
  /** What it reads now. */
  readonly held: readonly number[];
};

/** Partitions per member id. */
export function shareOut(members: readonly GroupMember[], partitions: readonly number[]): Map<string, number[]> {
  const named = withNames(members);
  const homes = homesOf(
    named.map(({ name }) => name),
    partitions,
  );
  const shares = new Shares(named.length, partitions.length);
  const somebodyCame = members.some(({ held }) => held.length === 0);
  const holders = (partition: number): number[] =>
    named.flatMap(({ member }, index) => (member.held.includes(partition) ? [index] : []));
  for (const partition of partitions) {
    const home = homes.get(partition) ?? 0;
    if (somebodyCame || holders(partition).includes(home)) shares.give(partition, home);
  }
  for (const partition of partitions) for (const holder of holders(partition)) shares.give(partition, holder);
  for (const partition of partitions) shares.give(partition, homes.get(partition) ?? 0);
  for (const partition of partitions) shares.give(partition, shares.smallest());
  return new Map(named.map(({ member }, index) => [member.id, shares.of(index)]));
}

/** Of two with one instance name the second has a number behind it. */
function withNames(members: readonly GroupMember[]): { name: string; member: GroupMember }[] {
  const seen = new Map<string, number>();
  const order = (one: GroupMember, other: GroupMember): number =>
    compare(one.instance, other.instance) || compare(one.id, other.id);
  return [...members].sort(order).map((member) => {
    const twins = seen.get(member.instance) ?? 0;
    seen.set(member.instance, twins + 1);
    return { name: `${member.instance}/${twins}`, member };
  });
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Rendezvous hashing: each partition goes to the name that it likes best of those with room. */
function homesOf(names: readonly string[], partitions: readonly number[]): Map<number, number> {
  const shares = new Shares(names.length, partitions.length);
  return new Map(
    partitions.map((partition) => {
      const liking = names.map((name, index) => ({ index, score: murmur2(Buffer.from(`${name} ${partition}`)) >>> 0 }));
      liking.sort((one, other) => other.score - one.score);
      const home = liking.find(({ index }) => shares.give(partition, index));
      return [partition, home?.index ?? 0];
    }),
  );
}

/** Shares that end up equal, but for the remainder. */
class Shares {
  private readonly shares: number[][];
  private readonly given = new Set<number>();
  private readonly least: number;
  private remainder: number;

  constructor(members: number, partitions: number) {
    this.shares = Array.from({ length: members }, () => []);
    this.least = Math.floor(partitions / members);
    this.remainder = partitions % members;
  }

  of = (index: number): number[] => [...(this.shares[index] ?? [])].sort((a, b) => a - b);

  smallest(): number {
    return this.shares.reduce(
      (found, share, index) => (share.length < (this.shares[found]?.length ?? 0) ? index : found),
      0,
    );
  }

  /** False: it is given already, or there is no room. */
  give(partition: number, index: number): boolean {
    const share = this.shares[index];
    if (share === undefined || this.given.has(partition) || share.length > this.least) return false;
    if (share.length === this.least) {
      if (this.remainder === 0) return false;
      this.remainder -= 1;
    }
    share.push(partition);
    this.given.add(partition);
    return true;
  }
}
