/**
 * The log between bridge and processor. Two implementations (Kafka, embedded) keep this contract; one conformance suite
 * runs over both.
 *
 * - `append` resolves when all in-sync replicas, or the medium, have the records: only then may anyone acknowledge upstream.
 * - Records of one key keep their order and share a partition.
 * - A consumer's positions are the caller's: they come from the database at assignment, and nothing is committed here.
 * - A log that was made again under its name is noticed, by its content (proof.ts) or because it is shorter; it is said, and
 *   read from its oldest record.
 * - `poll` gives records of a partition in offset order without holes; what was fetched for a partition that has been taken
 *   away since is never given.
 */
export type RecordHeaders = Readonly<Record<string, string>>;

export type NewRecord = {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: RecordHeaders;
};

export type BackboneRecord = NewRecord & {
  readonly partition: number;
  readonly offset: number;
  /** When the log took the record, ms since 1970 UTC. */
  readonly timestampMs: number;
};

export type Position = {
  readonly partition: number;
  /** Of the next record that is wanted. */
  readonly offset: number;
  /** `proofOf` the record before it; none: what stands at the offset is believed. */
  readonly proof?: string | null;
};

/** Offsets `from`..`to` (both included) that the log no longer has. */
export type Gap = { readonly partition: number; readonly from: number; readonly to: number };

/** The log under this name is not the one that `position` was taken from. It has the offsets `oldest`..`next` − 1. */
export type Remade = {
  readonly partition: number;
  readonly position: Position;
  readonly oldest: number;
  readonly next: number;
};

/** No answer of the log for longer than a few moments: how long by now, and what we know of the reason. */
export type Silence = { readonly forMs: number; readonly reason: string };

export type ConsumeOptions = {
  readonly topic: string;
  readonly group: string;
  /** Most bytes of records fetched ahead and not yet polled; beyond it fetching pauses. */
  readonly queueBytes: number;
  /**
   * Where to begin in partitions that were just assigned. A partition that is left out begins at its oldest record. A
   * position that retention has overtaken begins at the oldest record, and is reported. When it rejects, `poll` throws what
   * it rejected with until `rewind` or another assignment gets positions.
   */
  readonly positions: (partitions: readonly number[]) => Promise<readonly Position[]>;
  /** What it returns is waited for before the partition goes on; when it rejects, as when `positions` does. */
  readonly onGap: (gap: Gap) => void | Promise<void>;
  /** The same; after it the partition is read from its oldest record. */
  readonly onRemade?: (remade: Remade) => void | Promise<void>;
  /** The log went on and nothing of it came: fetching was begun anew. */
  readonly onStall?: () => void;
  /** This member of the group, the same over restarts: its partitions come back to it. Default: the name of the host. */
  readonly instance?: string;
};

export interface BackboneConsumer {
  /**
   * The next records of any partitions, at most about `maxBytes`, at least one; waits until there are some. Empty when the
   * signal is aborted, or the consumer is closed meanwhile.
   * @throws FieldlineError backbone/unreachable, backbone/refused when the connection is lost for good: open a new consumer
   * @throws what `positions` rejected with: `rewind` tries again
   * @throws Error when the consumer had been closed before
   */
  poll(maxBytes: number, signal: AbortSignal): Promise<readonly BackboneRecord[]>;
  /** Partitions held now. */
  assigned(): readonly number[];
  /** Goes back to the positions that `ConsumeOptions.positions` gives, e.g. after a transaction that failed. */
  rewind(): Promise<void>;
  /** Null while the log answers: an idle topic is answered, and so is a member whose group shares its partitions anew. */
  silence(): Silence | null;
  /**
   * Records in the log behind what was polled, summed over the assigned partitions; null while that is not known: before the
   * first assignment, and in a silence.
   * @throws FieldlineError backbone/unreachable, backbone/refused
   */
  lag(): Promise<number | null>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface Backbone {
  readonly kind: 'kafka' | 'embedded';
  /** Names the log itself: offsets of one log mean nothing in another, e.g. after its folder was emptied. At most 64 characters. */
  identity(): Promise<string>;
  /** Creates the topic with the settings that the contract needs, or checks them: FieldlineError backbone/unfit. */
  ensureTopic(topic: string): Promise<void>;
  /**
   * All or an error; an error may leave some of the records in the log.
   * @throws FieldlineError backbone/unreachable (try again), backbone/refused (rights), record/too-large (never will)
   */
  append(topic: string, records: readonly NewRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<BackboneConsumer>;
  /** Oldest offset still held and next offset to be given, per partition. */
  bounds(topic: string): Promise<readonly { partition: number; oldest: number; next: number }[]>;
  /** Idempotent. */
  close(): Promise<void>;
}
