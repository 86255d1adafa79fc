/**
 * How many partitions a topic has, for the choice of a key's partition. Asked for again once in a while, beside the appends:
 * so added partitions are used within `maxAgeMs` of the next append. From then on a gateway's records may go to another
 * partition than before, while older ones wait in the old one: the ledger does not need their order.
 */
import type { KafkaAdmin } from './kafka-admin.ts';

const maxAgeMs = 5_000;

export type PartitionCounts = {
  /** @throws FieldlineError backbone/unreachable, backbone/refused, at the first question for a topic */
  readonly of: (topic: string) => Promise<number>;
};

type Known = { readonly count: Promise<number>; readonly askedMs: number };

/** `changed`: a topic has other partitions than before. */
export function createPartitionCounts(admin: KafkaAdmin, changed: () => void): PartitionCounts {
  const known = new Map<string, Known>();

  const ask = (topic: string): Promise<number> =>
    admin.ask(`reading the partitions of ${topic}`, async (connection) => {
      const { topics } = await connection.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.length ?? 0;
    });

  async function refresh(topic: string, before: Known): Promise<void> {
    // What is known stays in use meanwhile, and when there is no answer.
    known.set(topic, { ...before, askedMs: performance.now() });
    const [old, count] = await Promise.all([before.count, ask(topic)]);
    if (count === 0 || count === old) return;
    known.set(topic, { count: Promise.resolve(count), askedMs: performance.now() });
    changed();
  }

  return {
    of: (topic) => {
      const before = known.get(topic);
      if (before !== undefined) {
        if (performance.now() - before.askedMs > maxAgeMs) refresh(topic, before).catch(() => {});
        return before.count;
      }
      const count = ask(topic);
      known.set(topic, { count, askedMs: performance.now() });
      count.catch(() => known.delete(topic));
      return count;
    },
  };
}
