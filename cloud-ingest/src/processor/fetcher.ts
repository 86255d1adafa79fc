import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IngestConfig } from '@fieldline/shared/config';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { createBackoff, pause } from '@fieldline/shared/runtime';
import type { Backbone, BackboneConsumer, BackboneRecord } from '../backbone/backbone.ts';
import type { Decoded } from '../decode/decoder.ts';
import { decodeRecord } from '../decode/registry.ts';
import { isoOf } from '../instant.ts';
import type { Store } from '../store/connection.ts';
import type { Lanes } from './lanes.ts';
import { handleLogBreaks } from './log-breaks.ts';
import type { NextMarks, SourceTopic } from './offsets.ts';
import type { Positions } from './positions.ts';
import type { ProcessorMetrics } from './processor-metrics.ts';
import { isBackboneTrouble, isDatabaseTrouble } from './trouble.ts';

export type FetcherParts = {
  readonly backbone: Backbone;
  readonly config: IngestConfig;
  readonly source: SourceTopic;
  readonly store: Store;
  readonly lanes: Lanes;
  readonly positions: Positions;
  /** Where the database stands; `positions` know it then. */
  readonly marks: (partitions: readonly number[]) => Promise<NextMarks>;
  readonly counts: ProcessorMetrics;
  readonly clock: Clock;
  readonly log: Log;
};

/** Decoding gives way this often: a transaction asks the database some twenty things, and each answer waits for its turn. */
const turnMs = 1;
/** Small, since a poll may be of one partition: the lanes take turns. */
const pollBytes = 256 * 1024;
const retryPauses = { firstMs: 250, maxMs: 10_000 };

/** The loop that fetches and decodes. Positions come from the database, at each assignment and each rewind. */
export class Fetcher {
  private readonly parts: FetcherParts;
  private readonly backoff = createBackoff(retryPauses);
  private consumer: BackboneConsumer | null = null;
  private rewinding = false;
  private polling = new AbortController();
  /** What the last try failed with; null once the offsets could be read since, from a log that answers. */
  private failure: string | null = null;

  constructor(parts: FetcherParts) {
    this.parts = parts;
  }

  /** What was fetched is forgotten at once; the loop goes back to the positions in the database. */
  rewind(): void {
    this.rewinding = true;
    this.parts.lanes.clear();
    this.polling.abort();
  }

  /** What keeps us from reading the backbone, or null. */
  trouble(): string | null {
    const silence = this.consumer?.silence() ?? null;
    if (silence === null) return this.failure;
    const since = isoOf(this.parts.clock.now() - Math.round(silence.forMs) * 1_000);
    return `the backbone has not answered since ${since.slice(0, 19)}Z: ${silence.reason}`;
  }

  /** null: not known. @throws FieldlineError backbone/unreachable, backbone/refused */
  async lag(): Promise<number | null> {
    return (await this.consumer?.lag()) ?? null;
  }

  /** Whether the backbone could be read, as far as it is known. */
  get isReachable(): boolean {
    return this.consumer !== null && this.consumer.silence() === null;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        try {
          await this.step(signal);
          this.backoff.reset();
        } catch (error) {
          await this.recover(error, signal);
        }
      }
    } finally {
      await this.closeConsumer();
    }
  }

  private async step(signal: AbortSignal): Promise<void> {
    const { lanes } = this.parts;
    this.consumer ??= await this.open();
    // Asked for again while it runs, e.g. because a log turns out to be another one: once more.
    while (this.rewinding) {
      this.rewinding = false;
      await this.consumer.rewind();
      lanes.clear();
    }
    // Not only after a poll: in an idle log that may take days.
    this.failure = null;
    await lanes.untilRoom(signal);
    if (this.rewinding) return;
    this.polling = new AbortController();
    const records = await this.consumer.poll(
      Math.min(lanes.roomBytes, pollBytes),
      AbortSignal.any([signal, this.polling.signal]),
    );
    await this.decode(records, signal);
  }

  private async decode(records: readonly BackboneRecord[], signal: AbortSignal): Promise<void> {
    const { clock, config, lanes, source } = this.parts;
    const options = { topic: source.topic, ...config.processor };
    let decoded: Decoded[] = [];
    let turnEndsMs = clock.monotonicMs() + turnMs;
    for (const record of records) {
      decoded.push(decodeRecord(record, options));
      if (clock.monotonicMs() < turnEndsMs) continue;
      if (this.rewinding || signal.aborted) return;
      lanes.add(decoded);
      decoded = [];
      await nextTurn();
      await lanes.untilRoom(signal);
      turnEndsMs = clock.monotonicMs() + turnMs;
    }
    if (!this.rewinding && decoded.length > 0) lanes.add(decoded);
  }

  private open(): Promise<BackboneConsumer> {
    const { backbone, config, source } = this.parts;
    return backbone.consume({
      topic: source.topic,
      group: config.processor.group,
      queueBytes: config.processor.queueBytes,
      positions: async (partitions) => {
        const marks = await this.parts.marks(partitions);
        return [...marks].flatMap(([partition, mark]) => (mark === null ? [] : [{ partition, ...mark }]));
      },
      ...handleLogBreaks({ ...this.parts, rewind: () => this.rewind() }),
      ...(config.processor.instance === undefined ? {} : { instance: config.processor.instance }),
    });
  }

  /** A lost consumer is opened anew; positions that could not be read are asked for again. */
  private async recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { log } = this.parts;
    if (signal.aborted) return;
    this.failure = (error as Error).message;
    if (isBackboneTrouble(error)) {
      log.warn({ err: error }, 'the backbone cannot be read: trying again');
      await this.closeConsumer();
      // A consumer that was opened anew shows by it that it has positions.
      this.rewind();
    } else if (isDatabaseTrouble(error)) {
      log.warn({ err: error }, 'the offsets cannot be read: trying again');
      this.rewinding = true;
    } else throw error;
    await pause(this.backoff.next(), signal);
  }

  private async closeConsumer(): Promise<void> {
    const { consumer } = this;
    this.consumer = null;
    await consumer?.close();
  }
}
