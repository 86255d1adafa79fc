/** The parts of a journal, put together. */
import { defaultClass } from '@fieldline/shared/contracts';
import { Chain } from './chain.ts';
import { Durability } from './durability.ts';
import { Intake } from './intake.ts';
import { LastSamples } from './last/last-samples.ts';
import { Losses } from './losses.ts';
import { journalMetrics } from './metrics.ts';
import { type Moment, NoteKeeper } from './note.ts';
import type { JournalOptions } from './options.ts';
import { Outage } from './outage.ts';
import { Pending } from './pending.ts';
import { Retention } from './retention.ts';
import { Store } from './store.ts';
import { Thinning } from './thinning/thinning.ts';

export type JournalParts = ReturnType<typeof journalParts>;

/** `failed`: the disk takes nothing. */
export function journalParts(options: JournalOptions, failed: (error: unknown) => void) {
  const { clock, boot, log, compression, thinToMs = null, segmentBytes } = options;
  const moment = (): Moment => ({ at: clock.now(), boot: boot.id, micros: boot.micros() });
  const metrics = journalMetrics(options.metrics);
  const store = new Store();
  const pending = new Pending();
  const retention = new Retention(store, options, log);
  const thinning = new Thinning({ store, retention, thinToMs, encoding: options, segmentBytes, metrics, log });
  const note = new NoteKeeper(clock, {
    streams: () => store.holdings.streams().map((stream) => durability.withCommitted(stream)),
    unsent: () => thinning.unsent.ranges(),
    written: () => intake.numberedUntil,
  });
  const chain = new Chain(options);
  const { goesSoon } = retention;
  const { isRemembered, subjectOf, classes = [defaultClass] } = options;
  const leftOut = (): void => metrics.unrememberedSeries.inc();
  const lastSamples = new LastSamples({ isRemembered, subjectOf, classes, leftOut });
  const durability = new Durability({ store, note, compression, goesSoon, failed });
  const intake = new Intake({ pending, chain, store, durability, lastSamples, metrics, clock, moment });
  const losses = new Losses({ store, pending, lastSamples, metrics, note, log });
  const outage = new Outage(clock);
  return { metrics, store, pending, retention, thinning, note, chain, durability, intake, lastSamples, losses, outage };
}
