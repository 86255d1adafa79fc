import type { ErrorCode, Micros, Ranges } from '@fieldline/shared/contracts';

/**
 * What cannot be stored, with its bytes and the reason. The bytes are never cut: a record is bounded by the backbone
 * (`maxRecordBytes`, 1 MB unless set otherwise) and a message that the backbone refuses by the broker, so a letter is
 * bounded by the larger of the two.
 *
 * Samples of one batch that fail with the same code share one letter: it has the bytes of their batch, and says which.
 */
export type DeadLetter = {
  readonly receivedAt: Micros;
  /** null where not even the topic says who sent it. */
  readonly gateway: string | null;
  readonly stage: DeadLetterStage;
  readonly code: ErrorCode;
  /** For the operator: what is wrong with it. */
  readonly reason: string;
  /** Backbone topic, partition and offset; for what never reached the backbone the MQTT topic, null and null. */
  readonly topic: string;
  readonly partition: number | null;
  readonly offset: number | null;
  /** Samples of a batch: their positions in the batch as sent. null for a whole record. */
  readonly positions: Ranges | null;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

export const deadLetterStages = ['bridge', 'decode', 'ledger', 'store'] as const;
export type DeadLetterStage = (typeof deadLetterStages)[number];

/** Resolves when the letter is durable: only then may anyone acknowledge upstream. */
export type DeadLetterSink = (letter: DeadLetter) => Promise<void>;
