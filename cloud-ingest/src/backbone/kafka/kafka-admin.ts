/** One admin connection for questions about topics, opened at the first one and again after trouble. */
import type { Admin, Kafka } from 'kafkajs';
import type { Bounds } from '../start-at.ts';
import { kafkaError } from './kafka-error.ts';

export type KafkaAdmin = {
  /** @throws FieldlineError backbone/unreachable, backbone/refused */
  readonly ask: <Answer>(doing: string, question: (admin: Admin) => Promise<Answer>) => Promise<Answer>;
  readonly bounds: (topic: string) => Promise<Bounds[]>;
  readonly close: () => Promise<void>;
};

export function createKafkaAdmin(kafka: Kafka, brokers: readonly string[]): KafkaAdmin {
  let opening: Promise<Admin> | null = null;

  async function open(): Promise<Admin> {
    const admin = kafka.admin();
    await admin.connect();
    return admin;
  }

  async function close(): Promise<void> {
    const opened = opening;
    opening = null;
    const admin = await opened?.catch(() => null);
    await admin?.disconnect();
  }

  const ask: KafkaAdmin['ask'] = async (doing, question) => {
    opening ??= open();
    const mine = opening;
    try {
      return await question(await mine);
    } catch (error) {
      if (opening === mine) await close();
      throw kafkaError(error, brokers, doing);
    }
  };

  return {
    ask,
    close,
    bounds: async (topic) => {
      const offsets = await ask(`reading the bounds of ${topic}`, (admin) => admin.fetchTopicOffsets(topic));
      return offsets
        .map(({ partition, low, high }) => ({ partition, oldest: Number(low), next: Number(high) }))
        .sort((a, b) => a.partition - b.partition);
    },
  };
}
