/** One admin connection for questions about topics, opened at the first one and again after trouble. */
import { pause } from '@fieldline/shared/runtime';
import kafkajs, { type Admin } from 'kafkajs';
import type { Bounds } from '../start-at.ts';
import type { KafkaClient } from './kafka-client.ts';
import { kafkaError } from './kafka-error.ts';

export type KafkaAdmin = {
  /** @throws FieldlineError backbone/unreachable, backbone/refused */
  readonly ask: <Answer>(doing: string, question: (admin: Admin) => Promise<Answer>) => Promise<Answer>;
  readonly bounds: (topic: string) => Promise<Bounds[]>;
  /** For when no answer comes: what waits for one fails, and is asked again over a new connection. */
  readonly cut: KafkaClient['cut'];
  readonly close: () => Promise<void>;
};

/** A topic just made, or a broker just gone: who leads its partitions settles within this, as a rule. */
const leaderTries = 10;
const leaderPauseMs = 300;
/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER (Kafka protocol, error codes). */
const leaderMoving = new Set([3, 5, 6]);

const isLeaderMoving = (error: unknown): boolean =>
  error instanceof kafkajs.KafkaJSProtocolError && leaderMoving.has(error.code);

export function createKafkaAdmin({ kafka, cut }: KafkaClient, brokers: readonly string[]): KafkaAdmin {
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

  /** A new connection after trouble: it learns anew who leads which partition. */
  async function once<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    opening ??= open();
    const mine = opening;
    try {
      return await question(await mine);
    } catch (error) {
      if (opening === mine) await close();
      throw error;
    }
  }

  const ask: KafkaAdmin['ask'] = async (doing, question) => {
    for (let left = leaderTries; ; left--) {
      try {
        return await once(question);
      } catch (error) {
        if (left === 0 || !isLeaderMoving(error)) throw kafkaError(error, brokers, doing);
        await pause(leaderPauseMs);
      }
    }
  };

  return {
    ask,
    close,
    cut,
    bounds: async (topic) => {
      const offsets = await ask(`reading the bounds of ${topic}`, (admin) => admin.fetchTopicOffsets(topic));
      return offsets
        .map(({ partition, low, high }) => ({ partition, oldest: Number(low), next: Number(high) }))
        .sort((a, b) => a.partition - b.partition);
    },
  };
}
