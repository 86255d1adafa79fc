/**
 * The partition of a key, as the default partitioner of Kafka's own clients chooses it (murmur2), so that a broker's
 * connector and our bridge put a gateway into the same partition.
 */
const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

export const partitionOf = (key: string, partitions: number): number =>
  (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;

/** Appleby's MurmurHash2, 32 bits, as in org.apache.kafka.common.utils.Utils. */
export function murmur2(bytes: Buffer): number {
  let hash = seed ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (whole < bytes.length) {
    hash ^= bytes.readUIntLE(whole, bytes.length - whole);
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
