/**
 * Mosquitto acknowledges a message and may still drop it, at the limits of a client's queue, and says so only in a counter
 * under $SYS. The counter is of the whole broker and begins anew when the broker does. Brokers without it are unwatched.
 */
export const droppedTopic = '$SYS/broker/publish/messages/dropped';

export type BrokerDrops = {
  /** @returns messages dropped since the last value; null for the first one, of which nobody knows since when */
  readonly read: (payload: string) => number | null;
};

export function createBrokerDrops(): BrokerDrops {
  let last: number | null = null;
  return {
    read: (payload) => {
      const value = Number.parseInt(payload, 10);
      if (!Number.isSafeInteger(value)) return 0;
      const before = last;
      last = value;
      if (before === null) return null;
      return value < before ? value : value - before;
    },
  };
}
