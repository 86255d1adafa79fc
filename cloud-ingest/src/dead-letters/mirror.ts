/**
 * The topic that mirrors the table: letters are copied to it in the order of their ids, each at least once.
 *
 * - The table says of each letter whether the topic has it. A position would skip letters: a transaction that took its ids
 *   early may commit late.
 * - A letter is marked after the backbone has acknowledged it; who dies in between leaves it to be copied again.
 * - One processor at a time does it (an advisory lock). Nothing waits for it: neither the bridge nor the transactions of the
 *   processor, and a topic that cannot be written only leaves letters unmarked.
 */
import type { IngestConfig } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import { createBackoff, explain, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import type { Backbone } from '../backbone/backbone.ts';
import { openStore, type Session } from '../store/connection.ts';
import { markMirrored, unmirroredLetters } from './letters.ts';
import { mirrorRecordOf } from './mirror-record.ts';

export type MirrorParts = {
  readonly config: IngestConfig;
  readonly backbone: Backbone;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** How long a letter waits at most while all goes well. */
const everyMs = 1_000;
const retryPauses = { firstMs: 500, maxMs: 30_000 };
/** Copied at once: one letter may be as large as a record. */
const maxLetters = 500;
const maxBytes = 4 * 1024 ** 2;
const mirrorLock = 0x6d69_7272;

/** null where there is none. */
export function mirrorTopicOf({ processor, backbone }: IngestConfig): string | null {
  const { deadLetterTopic } = processor;
  if (deadLetterTopic === 'off') return null;
  return deadLetterTopic ?? (backbone.kind === 'kafka' ? backboneTopics.deadLetters : null);
}

/** Does nothing where the settings name no topic. */
export function startMirror(parts: MirrorParts): { readonly close: () => Promise<void> } {
  const topic = mirrorTopicOf(parts.config);
  const abort = new AbortController();
  const running = topic === null ? Promise.resolve() : run(parts, topic, abort.signal);
  return {
    close: async () => {
      abort.abort();
      await running;
    },
  };
}

async function run(parts: MirrorParts, topic: string, signal: AbortSignal): Promise<void> {
  const { config, backbone, log, metrics } = parts;
  const mirrored = metrics.counter(
    'fieldline_processor_dead_letters_mirrored_total',
    'Dead letters copied to their topic',
  );
  const store = openStore(config.database, 'fieldline-mirror', 1);
  const backoff = createBackoff(retryPauses);
  let isReady = false;
  let trouble: string | null = null;
  try {
    for (let waitMs = 0; await pause(waitMs, signal); ) {
      try {
        if (!isReady) await unlessAborted(backbone.ensureTopic(topic), signal);
        isReady = true;
        const copied = await store.withSession((session) => copySome(parts, session, topic, signal));
        mirrored.inc(copied);
        backoff.reset();
        trouble = null;
        waitMs = copied > 0 ? 0 : everyMs;
      } catch (error) {
        if (signal.aborted) return;
        const text = explain(error);
        if (text !== trouble) log.warn({ topic }, `dead letters are not copied to their topic at the moment: ${text}`);
        trouble = text;
        waitMs = backoff.next();
      }
    }
  } finally {
    await store.close();
  }
}

/** How many; none while another processor is at it. */
async function copySome(
  { config, backbone }: MirrorParts,
  session: Session,
  topic: string,
  signal: AbortSignal,
): Promise<number> {
  const [lock] = await session.query<{ ours: boolean }>('SELECT pg_try_advisory_lock($1) AS ours', [mirrorLock]);
  if (lock?.ours !== true) return 0;
  const letters = await unmirroredLetters(session, maxLetters, maxBytes);
  if (letters.length > 0) {
    const records = letters.map((letter) => mirrorRecordOf(letter, config.backbone.maxRecordBytes));
    await unlessAborted(backbone.append(topic, records), signal);
    await markMirrored(
      session,
      letters.map(({ id }) => id),
    );
  }
  // After an error the connection is given up, and the lock with it.
  await session.query('SELECT pg_advisory_unlock($1)', [mirrorLock]);
  return letters.length;
}

/** A stop does not wait for a broker that is away. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
