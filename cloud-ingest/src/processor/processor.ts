/**
 * Backbone → database. One loop fetches and decodes; in each lane another stores what has been decoded for it in the meantime,
 * so that transactions run side by side and the next are made ready beside them.
 *
 * Trouble with the database pauses the store; nothing is lost or decided by it, since the records stay where they are and
 * the offsets in the database tell what is done. Only what is surely the fault of a record makes a dead letter.
 */
import type { IngestConfig } from '@fieldline/shared/config';
import { type AckMessage, backboneTopics } from '@fieldline/shared/contracts';
import { type Clock, type Health, Lifecycle, type Log, type Metrics, retry } from '@fieldline/shared/runtime';
import type { Backbone } from '../backbone/backbone.ts';
import { startMirror } from '../dead-letters/mirror.ts';
import { publishTo } from '../normalised/publish.ts';
import { openStore } from '../store/connection.ts';
import { startMaintenance } from '../store/maintenance/maintenance.ts';
import { createMaintenanceMetrics } from '../store/maintenance/maintenance-metrics.ts';
import { editionOfSchema } from '../store/migrate.ts';
import { createAcknowledger } from './acknowledger.ts';
import { Fetcher } from './fetcher.ts';
import { Lanes } from './lanes.ts';
import { Positions } from './positions.ts';
import { createProcessorMetrics } from './processor-metrics.ts';
import { createRestoreWatch } from './restored.ts';
import { Storer } from './storer.ts';
import { isDatabaseTrouble } from './trouble.ts';
import { watchLag } from './watch-lag.ts';

export type ProcessorParts = {
  readonly config: IngestConfig;
  readonly backbone: Backbone;
  /** Publishes a commit acknowledgement to its gateway. */
  readonly acknowledge: (message: AckMessage) => Promise<void>;
  /** Acknowledgements of earlier programs, as the broker keeps them. */
  readonly retained?: Promise<readonly AckMessage[]>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
};

export type Processor = {
  /** Settles when the processor has ended: rejected by what it cannot go on from. */
  readonly done: Promise<void>;
  /** Ends the transaction that runs, then leaves. Idempotent. */
  readonly close: () => Promise<void>;
};

/** Beside those of the lanes: offsets, acknowledgements, and two of maintenance, where one holds what the other computes. */
const otherConnections = 4;

/**
 * Waits for a database that is away; what somebody has to change is thrown.
 * @throws FieldlineError database/refused
 */
export async function startProcessor(parts: ProcessorParts, signal?: AbortSignal): Promise<Processor> {
  const { config, backbone, clock, log, health } = parts;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const lifecycle = new Lifecycle();
  const store = openStore(config.database, 'fieldline-processor', config.processor.lanes + otherConnections);
  lifecycle.add('database', store.close);
  let trouble: string | null = 'not started';
  let storers: readonly Storer[] = [];
  const storeTrouble = (): string | null => storers.find((each) => each.trouble !== null)?.trouble ?? null;
  health.ready.push({ name: 'processor', trouble: () => trouble ?? storeTrouble() });
  try {
    const edition = await retry(
      () => store.withSession((session) => editionOfSchema(session, config.database.schema)),
      {
        firstMs: 250,
        maxMs: 5_000,
        signal: abort.signal,
        retryable: (error) => isDatabaseTrouble(error) && error.retryable,
        onRetry: (error) => {
          trouble = (error as Error).message;
          log.warn({ err: error }, 'waiting for the database');
        },
      },
    );
    trouble = null;
    await backbone.ensureTopic(backboneTopics.raw);
    const { normalisedTopic } = config.processor;
    if (normalisedTopic !== undefined) await backbone.ensureTopic(normalisedTopic);
    const source = { backbone: await backbone.identity(), topic: backboneTopics.raw };
    const counts = createProcessorMetrics(parts.metrics);
    const lanes = new Lanes(config.processor.lanes, config.processor.maxBatchBytes);
    const positions = new Positions();
    const acknowledger = createAcknowledger({
      store,
      acknowledge: parts.acknowledge,
      lagging: () => storers.some((each) => each.lagging),
      clock,
      log,
    });
    health.ready.push({ name: 'processor-acknowledge', trouble: acknowledger.trouble });
    const common = { store, source, positions, counts, clock, log };
    const restored = createRestoreWatch({
      ...common,
      forget: () => {
        for (const storer of storers) storer.forget();
      },
      rewind: () => fetcher.rewind(),
      touch: acknowledger.touch,
    });
    const { marks } = restored;
    const fetcher: Fetcher = new Fetcher({ ...common, marks, backbone, config, lanes });
    const toStore = {
      ...common,
      edition,
      acknowledger,
      publish: normalisedTopic === undefined ? undefined : publishTo(backbone, normalisedTopic),
      rewind: () => fetcher.rewind(),
    };
    storers = lanes.intakes.map((intake) => new Storer({ ...toStore, intake }));
    health.ready.push({ name: 'processor-fetch', trouble: () => fetcher.trouble() });
    const maintenance = startMaintenance({
      store,
      config: config.database,
      edition,
      clock,
      log,
      counts: createMaintenanceMetrics(parts.metrics),
    });
    const lag = watchLag({ lag: () => fetcher.lag(), isReachable: () => fetcher.isReachable, counts });
    lifecycle.add('acknowledgements', acknowledger.close);
    restored.compareWhenRead(parts.retained ?? Promise.resolve([]), abort.signal);
    lifecycle.add('comparison with what was', restored.close);
    const mirror = startMirror({ config, backbone, log, metrics: parts.metrics });
    lifecycle.add('maintenance', maintenance.close);
    lifecycle.add('mirror of the dead letters', mirror.close);
    lifecycle.add('lag', lag.close);
    const loops = [fetcher.run(abort.signal), ...storers.map((storer) => storer.run(abort.signal))];
    // When one loop has failed, the others have nothing to live for.
    for (const loop of loops) loop.catch(() => abort.abort());
    const done = Promise.all(loops).then(() => {});
    lifecycle.add('loops', async () => {
      abort.abort();
      await Promise.allSettled(loops);
    });
    return { done, close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}
