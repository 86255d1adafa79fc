/**
 * What the agent gives its samples to. They go to the journal. Before the clock of the gateway is set they wait in the undated log, and
 * go to the journal with their true times when it is: a chunk at each flush, beside what comes.
 */
import {
  type Declaration,
  defaultClass,
  maxBatchSamples,
  type Sample,
  type TagClass,
} from '@fieldline/shared/contracts';
import { counted } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import type { StoredBatch } from './batches.ts';
import { Journal } from './journal.ts';
import type { JournalOptions } from './options.ts';
import { isDiskTrouble } from './trouble.ts';
import { isBelieved } from './undated/boot.ts';
import { UndatedLog } from './undated/undated-log.ts';

/** Of the room of the journal, for samples that wait for the time; and at most. */
const undatedShare = 10;
const mostUndatedBytes = 64 * 1024 * 1024;

export class Recorder {
  readonly journal: Journal;
  private readonly options: JournalOptions;
  private readonly startedAtMicros: number;
  /** undefined before the folder could be read, and when nothing waits any more. */
  private undated: UndatedLog | undefined;
  private isThrough = false;
  private readonly waiting: { readonly set: (value: number) => void };
  private isClockSet: boolean;

  private constructor(options: JournalOptions, journal: Journal) {
    this.options = options;
    this.journal = journal;
    this.waiting = options.metrics.gauge(
      'fieldline_journal_undated_samples',
      'Samples that wait for the clock to be set',
    );
    this.startedAtMicros = options.boot.micros();
    this.isClockSet = isBelieved(options.clock.now());
  }

  /** As `Journal.open`. @throws FieldlineError journal/in-use, journal/foreign */
  static open(options: JournalOptions): Recorder {
    const recorder = new Recorder(options, Journal.open(options));
    recorder.look();
    return recorder;
  }

  /** Samples of one class that passed the filter, and how many it held back beside them: in the next flush. */
  record(samples: readonly Sample[], filtered: number, tagClass: TagClass): void {
    this.lookAtClock();
    if (this.undated === undefined) this.journal.record(samples, filtered, tagClass);
    else if (this.isClockSet) this.journal.record(this.undated.date(samples), filtered, tagClass);
    else this.undated.record(tagClass, samples, filtered);
  }

  declare(declaration: Declaration): void {
    this.lookAtClock();
    if (this.undated === undefined || this.isClockSet) this.journal.declare(declaration);
    else this.undated.declare(defaultClass, declaration);
  }

  /** A batch's worth is waiting: do not wait for the time of the flush. */
  get isFull(): boolean {
    return this.journal.isFull || this.undated?.isFull === true;
  }

  /** As `Journal.flushBeside`. */
  flush(): Promise<readonly StoredBatch[]> {
    this.look();
    this.lookAtClock();
    if (this.isClockSet) this.convert();
    else this.undated?.flush();
    this.measure();
    return this.journal.flushBeside();
  }

  /** As `Journal.finish`. */
  finish(): readonly StoredBatch[] {
    if (!this.isClockSet) this.undated?.flush();
    return this.journal.finish();
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.journal.trouble() ?? this.undated?.trouble() ?? null;
  }

  /** What an operator may want to know all the same; null where that is nothing. */
  note(): string | null {
    if (this.undated === undefined) return null;
    const waiting = counted(this.undated.samples, 'sample');
    if (this.isClockSet) return `the clock was set: ${waiting} of before go to the journal`;
    return `the clock is not set (it shows a time before 2020): ${waiting} wait until it is`;
  }

  /** Writes what is pending and marks the end as orderly. Idempotent. */
  close(): void {
    this.undated?.close();
    this.undated = undefined;
    this.isThrough = true;
    this.journal.close();
  }

  private lookAtClock(): void {
    const { clock, boot } = this.options;
    if (this.isClockSet || !isBelieved(clock.now())) return;
    this.isClockSet = true;
    this.undated?.timeCame();
    this.journal.timeCame(clock.now() - (boot.micros() - this.startedAtMicros));
    this.options.log.info('the clock is set: samples that waited for it get their times');
  }

  /** As soon as the note of the journal tells what it has already. */
  private look(): void {
    const positions = this.journal.undated;
    if (this.undated !== undefined || this.isThrough || positions === null) return;
    const { maxBytes, memoryBytes, newStream } = this.options;
    try {
      this.undated = UndatedLog.open({
        ...this.options,
        maxBytes: Math.min(mostUndatedBytes, maxBytes / undatedShare),
        memoryBytes: memoryBytes / undatedShare,
        positions,
        newId: newStream,
      });
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      this.options.log.error(errorFields(error), 'samples that wait for the time cannot be looked for; trying on');
      return;
    }
    if (this.isClockSet) this.undated.timeCame();
  }

  /** One chunk: what comes shall not wait for all of it. */
  private convert(): void {
    const { undated } = this;
    if (undated === undefined) return;
    try {
      const chunk = undated.next(maxBatchSamples);
      if (chunk === null) this.endUndated();
      else {
        const tagClass = this.classOf(chunk.tagClass);
        if (this.journal.recordUndated({ ...chunk, tagClass }, undated.positions(chunk))) undated.done(chunk);
      }
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      this.options.log.error(errorFields(error), 'samples that waited for the time cannot be read; trying on');
    }
  }

  /** The settings may have changed since: a class that is no longer in use has no stream. */
  private classOf(tagClass: TagClass): TagClass {
    return this.options.classes?.includes(tagClass) === true ? tagClass : defaultClass;
  }

  private endUndated(): void {
    this.undated?.close();
    this.undated = undefined;
    this.isThrough = true;
  }

  private measure(): void {
    this.journal.undatedBytes = this.undated?.sizeBytes() ?? 0;
    this.waiting.set(this.undated?.samples ?? 0);
  }
}
