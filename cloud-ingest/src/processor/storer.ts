import { type FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { createBackoff, pause } from '@fieldline/shared/runtime';
import type { DeadLetter } from '../dead-letters/dead-letter.ts';
import type { Decoded } from '../decode/decoder.ts';
import { gatewaysOf } from '../ledger/store-content.ts';
import type { Store } from '../store/connection.ts';
import type { Edition } from '../store/edition.ts';
import { SeriesCache } from '../store/series.ts';
import type { Publish } from '../store/write-rows.ts';
import type { Acknowledger } from './acknowledger.ts';
import type { Intake } from './intake.ts';
import { marksAfter, type SourceTopic } from './offsets.ts';
import type { Positions } from './positions.ts';
import type { ProcessorMetrics } from './processor-metrics.ts';
import { type Outcome, type StoreContext, storeRecords } from './store-records.ts';
import { isBackboneTrouble, isDatabaseTrouble } from './trouble.ts';

export type StorerParts = {
  readonly store: Store;
  readonly source: SourceTopic;
  readonly edition: Edition;
  readonly intake: Intake;
  readonly positions: Positions;
  readonly counts: ProcessorMetrics;
  readonly acknowledger: Acknowledger;
  /** For other programs, before the commit; left out where nobody asked for it. */
  readonly publish?: Publish | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Begins again from the offsets in the database; what was fetched is forgotten. */
  readonly rewind: () => void;
};

/** Gateways are told that the cloud lags when what is stored now was received longer ago than this. */
const laggingMs = 10_000;
const retryPauses = { firstMs: 100, maxMs: 5_000 };

/** The loop that stores in one lane: one transaction after the other, each with all that was decoded during the one before. */
export class Storer {
  lagging = false;
  /** What keeps the database from taking the data, or null. */
  trouble: string | null = null;
  private readonly parts: StorerParts;
  private readonly context: StoreContext;
  private readonly backoff = createBackoff(retryPauses);

  constructor(parts: StorerParts) {
    this.parts = parts;
    const { store, source, edition, publish } = parts;
    this.context = { store, source, edition, publish, series: new SeriesCache(), gateways: new Set() };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const records = await this.parts.intake.take(signal);
      await this.store(records, signal);
    }
  }

  /** Returns when the records are stored, or are no longer ours to store. False: what follows them must be fetched again. */
  private async store(records: readonly Decoded[], signal: AbortSignal): Promise<boolean> {
    const { intake, positions } = this.parts;
    if (intake.isTakenVoid) return false;
    const fresh = records.filter(({ origin }) => !positions.isStored(origin.partition, origin.offset));
    if (fresh.length === 0) return true;
    const next = marksAfter(fresh);
    // Seen now, not at each try: while we wait, the log may be found made again, and these records are not of the new one.
    const expected = positions.of(next.keys());
    for (;;) {
      const startedMs = this.parts.clock.monotonicMs();
      try {
        const outcome = await storeRecords(this.context, fresh, expected, next);
        this.trouble = null;
        if (outcome.kind === 'fenced') return await this.fenced(signal);
        this.backoff.reset();
        positions.set(next);
        this.count(outcome, fresh, startedMs);
        this.parts.acknowledger.touch(gatewaysOf(fresh));
        return true;
      } catch (error) {
        if (isFieldlineError(error, 'database/data')) return this.isolate(fresh, error, signal);
        if (!isDatabaseTrouble(error) && !isBackboneTrouble(error)) throw error;
        if (!(await this.waitOut(error, signal))) return false;
      }
    }
  }

  /** Data that PostgreSQL refuses outside of the rows, where no line tells whose it is: halves, until one record is left. */
  private async isolate(records: readonly Decoded[], error: FieldlineError, signal: AbortSignal): Promise<boolean> {
    this.forget();
    const [only] = records;
    if (records.length === 1 && only !== undefined) {
      if (only.kind === 'reject') throw error;
      return this.store([condemned(only, error)], signal);
    }
    const middle = records.length >> 1;
    return (await this.store(records.slice(0, middle), signal)) && this.store(records.slice(middle), signal);
  }

  private async fenced(signal: AbortSignal): Promise<boolean> {
    const { counts, log, rewind } = this.parts;
    counts.fenced.inc();
    log.warn(
      { code: 'database/fenced' },
      'another processor stores a partition of ours: beginning again from the database',
    );
    this.forget();
    rewind();
    await pause(this.backoff.next(), signal);
    return false;
  }

  /** Of the database, or of Kafka where samples are published. */
  private async waitOut(error: FieldlineError, signal: AbortSignal): Promise<boolean> {
    const { counts, log } = this.parts;
    const pauseMs = this.backoff.next();
    counts.retries.inc({ code: error.code });
    this.trouble = error.message;
    const tell = error.retryable ? log.warn.bind(log) : log.error.bind(log);
    tell({ err: error, pauseMs: Math.round(pauseMs) }, 'the data cannot be stored at the moment: trying again');
    this.forget();
    return pause(pauseMs, signal);
  }

  /** It may be another database that answers next, e.g. a restored one. */
  forget(): void {
    this.context.series.clear();
    this.context.gateways.clear();
  }

  private count(outcome: Exclude<Outcome, { kind: 'fenced' }>, records: readonly Decoded[], startedMs: number): void {
    const { counts, clock, log } = this.parts;
    const newest = records.reduce((latest, { origin }) => Math.max(latest, origin.receivedAt), 0);
    const latencyMs = (clock.now() - newest) / 1_000;
    this.lagging = latencyMs > laggingMs;
    if (outcome.kind !== 'stored') return;
    counts.transactions.inc();
    counts.transactionSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
    counts.latencySeconds.observe(Math.max(0, latencyMs / 1_000));
    counts.stored.inc(outcome.stored);
    counts.duplicate.inc(outcome.duplicateSamples);
    for (const { path, late, rows } of outcome.taken) counts.rows.inc({ path, age: late ? 'late' : 'new' }, rows);
    for (const [code, letters] of Map.groupBy(outcome.letters, (letter) => letter.code)) {
      counts.deadLetters.inc({ code }, letters.length);
      // One line per code and transaction: a gateway gone wrong must not drown the log as well.
      const [{ gateway, topic, partition, offset, reason }] = letters as [DeadLetter];
      log.warn({ code, letters: letters.length, gateway, topic, partition, offset }, `dead letter: ${reason}`);
    }
  }
}

function condemned(record: Exclude<Decoded, { kind: 'reject' }>, error: FieldlineError): Decoded {
  const { gateway, origin } = record;
  const identity = record.kind === 'batch' ? { stream: record.batch.stream, seq: record.batch.seq } : null;
  return { kind: 'reject', gateway, origin, stage: 'store', code: 'database/data', reason: error.message, identity };
}
