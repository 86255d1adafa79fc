/**
 * A replay: batches that are in the database are written again from their records in the backbone, e.g. after a wrong scale
 * was corrected in the registry. It runs beside the live flow, in small transactions, and gives way when that suffers.
 *
 * Each transaction leaves the database right, so a replay may be stopped or killed anywhere and run again. The roll-ups too:
 * what it touched stands in their log, from which the views know it at once and the processors compute it (maintenance).
 */
import type { DatabaseConfig, ProcessorConfig } from '@fieldline/shared/config';
import { FieldlineError, isFieldlineError, type Micros } from '@fieldline/shared/contracts';
import { type Clock, type Log, pause, retry } from '@fieldline/shared/runtime';
import type { Backbone, BackboneRecord } from '../backbone/backbone.ts';
import { decodeRecord } from '../decode/registry.ts';
import type { AdmittedBatch } from '../ledger/admit.ts';
import { publishTo } from '../normalised/publish.ts';
import type { Session, Store } from '../store/connection.ts';
import type { Edition } from '../store/edition.ts';
import { SeriesCache } from '../store/series.ts';
import { LiveWatch, liveOffsets } from './live-watch.ts';
import { Pace } from './pace.ts';
import {
  type Cursor,
  firstCursor,
  type PlanContext,
  type PlannedBatch,
  type PlanPart,
  planParts,
  planSlice,
  type ReplayFilter,
} from './plan.ts';
import { createPlannedReader, type PlannedReader } from './read-planned.ts';
import { type RepairContext, repairBatches } from './repair.ts';
import { Tally } from './tally.ts';

export type ReplayParts = {
  readonly store: Store;
  readonly edition: Edition;
  readonly backbone: Backbone;
  /** Of the raw records. */
  readonly topic: string;
  readonly database: Pick<DatabaseConfig, 'retainRawMs'>;
  readonly processor: Pick<
    ProcessorConfig,
    'group' | 'queueBytes' | 'acceptPastMs' | 'acceptFutureMs' | 'normalisedTopic'
  >;
  readonly filter: ReplayFilter;
  /** Only batches with a sample of this device; such a batch is written again whole. */
  readonly device: string | null;
  /** null: half of what it could do. */
  readonly samplesPerSecond: number | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
};

export type Progress = {
  readonly planned: number;
  readonly tally: Tally;
  /** It waits because live data is late. */
  readonly waits: boolean;
};

/** Batches of the plan held at once. */
const sliceBatches = 50_000;
/** Retention drops whole chunks from this age on: what it may drop while we are at it is left alone. */
const retentionMarginMs = 3_600_000;
const replayLock = 0x7265_706c;
const progressEveryMs = 5_000;
const lookEveryMs = 500;
const retryPauses = { firstMs: 200, maxMs: 5_000 };

export type Plan = {
  /** What comes later is written by the registry as it is now. */
  readonly receivedBefore: Micros;
  readonly parts: readonly PlanPart[];
};

/** What a replay would do. */
export async function planReplay(parts: Omit<ReplayParts, 'onProgress' | 'signal'>): Promise<Plan> {
  const receivedBefore = parts.clock.now();
  let context = await planContext(parts, receivedBefore);
  for (;;) {
    const planned = await parts.store.withSession((session) => planParts(session, context));
    const ends = new Map(context.bounds.map(({ partition, next }) => [partition, next]));
    const isPast = ({ fate, partition, toOffset }: PlanPart): boolean =>
      fate === 'gone' && toOffset >= (ends.get(partition) ?? 0);
    context = await planContext(parts, receivedBefore);
    // Behind the end of the log as it was a moment ago: that may have been stored since.
    const hasGrown = context.bounds.some(({ partition, next }) => next > (ends.get(partition) ?? 0));
    if (!hasGrown || !planned.some(isPast)) return { receivedBefore, parts: planned };
  }
}

/**
 * Ends early, with what was done so far, when the signal is aborted. `plan` is of `planReplay`.
 * @throws FieldlineError replay/running while another one runs; of the database and the backbone what retrying does not mend
 */
export const runReplay = (parts: ReplayParts, plan: Plan): Promise<Tally> =>
  parts.store.withSession(async (session) => {
    const [lock] = await session.query<{ ours: boolean }>('SELECT pg_try_advisory_lock($1) AS ours', [replayLock]);
    if (lock?.ours !== true)
      throw new FieldlineError('replay/running', 'another replay runs on this database: wait for its end, or stop it');
    const tally = await new Replay(parts, plan).run();
    // After an error the connection is given up, and the lock with it.
    await session.query('SELECT pg_advisory_unlock($1)', [replayLock]);
    return tally;
  });

async function planContext(
  { backbone, topic, filter, database, processor, clock }: Omit<ReplayParts, 'onProgress' | 'signal'>,
  receivedBefore: Micros,
): Promise<PlanContext> {
  const rowsFrom: Micros = clock.now() - (database.retainRawMs - retentionMarginMs) * 1_000;
  const { acceptFutureMs } = processor;
  return { topic, filter, receivedBefore, bounds: await backbone.bounds(topic), rowsFrom, acceptFutureMs };
}

class Replay {
  private readonly parts: ReplayParts;
  private readonly receivedBefore: Micros;
  private readonly planned: number;
  private readonly reader: PlannedReader;
  private readonly repairs: RepairContext;
  private readonly pace: Pace;
  private readonly live = new LiveWatch();
  private readonly tally = new Tally();
  private lookedMs = Number.NEGATIVE_INFINITY;
  private waits = false;

  constructor(parts: ReplayParts, plan: Plan) {
    this.parts = parts;
    const { backbone, topic, processor, store, edition } = parts;
    this.receivedBefore = plan.receivedBefore;
    this.planned = plan.parts.reduce((sum, { fate, batches }) => sum + (fate === 'repairable' ? batches : 0), 0);
    // A group of its own each time, with a name that rights on the prefix of the processor's cover.
    const group = `${processor.group}-replay-${parts.clock.now()}`;
    this.reader = createPlannedReader(backbone, { topic, group, queueBytes: processor.queueBytes });
    const { normalisedTopic } = processor;
    // What is corrected is told to those who had it wrong: of one sample the last record counts.
    const publish = normalisedTopic === undefined ? undefined : publishTo(backbone, normalisedTopic);
    this.repairs = { store, edition, publish, series: new SeriesCache({ keepTypes: true }) };
    this.pace = new Pace(parts.samplesPerSecond);
  }

  async run(): Promise<Tally> {
    const { signal, onProgress } = this.parts;
    const report = (): void => onProgress({ planned: this.planned, tally: this.tally, waits: this.waits });
    const reporting = setInterval(report, progressEveryMs);
    try {
      let after: Cursor = firstCursor;
      while (!signal.aborted) {
        const context = await this.persist(() => planContext(this.parts, this.receivedBefore));
        const slice = await this.inSession((session) => planSlice(session, context, after, sliceBatches));
        const last = slice.at(-1);
        if (last === undefined) break;
        await this.replaySlice(slice);
        after = last;
      }
    } catch (error) {
      // What was retried when the signal came.
      if (!signal.aborted) throw error;
    } finally {
      clearInterval(reporting);
      await this.reader.close();
    }
    return this.tally;
  }

  private async replaySlice(slice: readonly PlannedBatch[]): Promise<void> {
    const { signal } = this.parts;
    const minutes = new Set<number>();
    const open = new Map(slice.map((planned) => [placeOf(planned), planned]));
    await this.persist(() => this.reader.want(offsetsOf(slice)));
    try {
      for (;;) {
        const records = await this.persist(() => this.reader.next(signal));
        if (records === null) break;
        for (const chunk of this.chunksOf(this.match(records, open))) {
          if (signal.aborted) return;
          await this.repair(chunk, minutes);
        }
      }
      if (!signal.aborted) for (const planned of open.values()) this.tally.leave('unread', planned);
    } finally {
      this.tally.minutes += minutes.size;
    }
  }

  /** Takes off `open` what was read. */
  private match(records: readonly BackboneRecord[], open: Map<string, PlannedBatch>): AdmittedBatch[] {
    const { topic, processor, device } = this.parts;
    const { acceptPastMs, acceptFutureMs } = processor;
    return records.flatMap((record) => {
      const planned = open.get(placeOf(record));
      if (planned === undefined) return [];
      open.delete(placeOf(record));
      const decoded = decodeRecord(record, { topic, acceptPastMs, acceptFutureMs });
      if (decoded.kind !== 'batch' || !isSame(decoded, planned)) {
        this.tally.leave('differs', planned);
        return [];
      }
      const { gateway, batch, origin } = decoded;
      if (device !== null && !holdsDevice(batch, device)) {
        this.tally.passedOver += 1;
        return [];
      }
      return [{ gateway, streamNo: planned.streamNo, batch, origin }];
    });
  }

  /** Of one partition each: no more than one of the processor's transactions ever waits for us. */
  private *chunksOf(batches: readonly AdmittedBatch[]): Generator<AdmittedBatch[]> {
    for (const ofPartition of Map.groupBy(batches, ({ origin }) => origin.partition).values()) {
      let chunk: AdmittedBatch[] = [];
      let samples = 0;
      for (const each of ofPartition) {
        chunk.push(each);
        samples += each.batch.sent;
        if (samples < this.pace.samplesAtOnce) continue;
        yield chunk;
        chunk = [];
        samples = 0;
      }
      if (chunk.length > 0) yield chunk;
    }
  }

  private async repair(chunk: readonly AdmittedBatch[], minutes: Set<number>): Promise<void> {
    const { clock, signal } = this.parts;
    await this.giveWay();
    const startedMs = clock.monotonicMs();
    const repaired = await this.persist(() => repairBatches(this.repairs, chunk));
    const nowMs = clock.monotonicMs();
    for (const minute of repaired.minutes) minutes.add(minute);
    this.tally.repaired(repaired);
    for (const { origin, batch } of repaired.unknown)
      this.tally.leave('unknown', { partition: origin.partition, offset: origin.offset, samples: batch.sent });
    await pause(this.pace.restMs(repaired.stored + repaired.rejected, nowMs - startedMs, nowMs), signal);
  }

  /** Waits while live data is late. */
  private async giveWay(): Promise<void> {
    const { clock, signal, backbone, topic } = this.parts;
    if (clock.monotonicMs() - this.lookedMs < lookEveryMs) return;
    do {
      const { ends, stored } = await this.inSession((session) => liveOffsets(session, backbone, topic));
      this.lookedMs = clock.monotonicMs();
      this.waits = this.live.look(this.lookedMs, ends, stored) === 'lags';
    } while (this.waits && (await pause(lookEveryMs, signal)));
  }

  private inSession<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.persist(() => this.parts.store.withSession(work));
  }

  /** Tries again what may succeed later. */
  private persist<Result>(work: () => Promise<Result>): Promise<Result> {
    const { signal, log } = this.parts;
    return retry(work, {
      ...retryPauses,
      signal,
      retryable: (error) => isFieldlineError(error) && error.retryable,
      onRetry: (error, pauseMs) => log.warn({ err: error, pauseMs: Math.round(pauseMs) }, 'the replay tries again'),
    });
  }
}

const placeOf = ({ partition, offset }: { readonly partition: number; readonly offset: number }): string =>
  `${partition}:${offset}`;

const isSame = (
  { gateway, batch }: { readonly gateway: string; readonly batch: AdmittedBatch['batch'] },
  planned: PlannedBatch,
): boolean => gateway === planned.gateway && batch.stream === planned.stream && batch.seq === planned.seq;

const holdsDevice = ({ tags, tagIndex }: AdmittedBatch['batch'], device: string): boolean =>
  tagIndex.some((index) => tags[index]?.device === device);

function offsetsOf(slice: readonly PlannedBatch[]): Map<number, number[]> {
  const offsets = new Map<number, number[]>();
  for (const [partition, batches] of Map.groupBy(slice, (planned) => planned.partition))
    offsets.set(
      partition,
      batches.map(({ offset }) => offset).sort((a, b) => a - b),
    );
  return offsets;
}
