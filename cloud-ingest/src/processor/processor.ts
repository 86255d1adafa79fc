/**
 * Backbone → database. Two loops share the intake: one fetches and decodes, the other stores what has been decoded in the
 * meantime, so that the next transaction is made ready while this one runs.
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
import { editionOfSchema } from '../store/migrate.ts';
import { createAcknowledger } from './acknowledger.ts';
import { Fetcher } from './fetcher.ts';
import { Intake } from './intake.ts';
import { createProcessorMetrics } from './processor-metrics.ts';
import { Storer } from './storer.ts';
import { isDatabaseTrouble } from './trouble.ts';

export type ProcessorParts = {
  readonly config: IngestConfig;
  readonly backbone: Backbone;
  /** Publishes a commit acknowledgement to its gateway. */
  readonly acknowledge: (message: AckMessage) => Promise<void>;
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

const lagEveryMs = 2_000;

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
  const store = openStore(config.database, 'fieldline-processor', 4);
  lifecycle.add('database', store.close);
  let trouble: string | null = 'not started';
  const setTrouble = (text: string | null): void => {
    trouble = text;
  };
  health.ready.push({ name: 'processor', trouble: () => trouble });
  try {
    const edition = await retry(
      () => store.withSession((session) => editionOfSchema(session, config.database.schema)),
      {
        firstMs: 250,
        maxMs: 5_000,
        signal: abort.signal,
        retryable: (error) => isDatabaseTrouble(error) && error.retryable,
        onRetry: (error) => {
          setTrouble((error as Error).message);
          log.warn({ err: error }, 'waiting for the database');
        },
      },
    );
    setTrouble(null);
    await backbone.ensureTopic(backboneTopics.raw);
    const { normalisedTopic } = config.processor;
    if (normalisedTopic !== undefined) await backbone.ensureTopic(normalisedTopic);
    const source = { backbone: await backbone.identity(), topic: backboneTopics.raw };
    const counts = createProcessorMetrics(parts.metrics);
    const intake = new Intake(config.processor.maxBatchBytes);
    const acknowledger = createAcknowledger({
      store,
      acknowledge: parts.acknowledge,
      lagging: () => storer.lagging,
      clock,
      log,
    });
    health.ready.push({ name: 'processor-acknowledge', trouble: acknowledger.trouble });
    const storer: Storer = new Storer({
      store,
      source,
      edition,
      intake,
      counts,
      acknowledger,
      publish: normalisedTopic === undefined ? undefined : publishTo(backbone, normalisedTopic),
      clock,
      log,
      setTrouble,
      rewind: () => fetcher.rewind(),
    });
    const fetcher: Fetcher = new Fetcher({ backbone, config, source, store, intake, storer, counts, clock, log });
    health.ready.push({ name: 'processor-fetch', trouble: () => fetcher.trouble });
    const maintenance = startMaintenance({ store, config: config.database, edition, clock, log });
    const lag = setInterval(
      () =>
        void fetcher.lag().then(
          (records) => counts.lag.set(records),
          () => {},
        ),
      lagEveryMs,
    );
    lifecycle.add('acknowledgements', acknowledger.close);
    const mirror = startMirror({ config, backbone, log, metrics: parts.metrics });
    lifecycle.add('maintenance', maintenance.close);
    lifecycle.add('mirror of the dead letters', mirror.close);
    lifecycle.add('lag', () => clearInterval(lag));
    const loops = [fetcher.run(abort.signal), storer.run(abort.signal)];
    // When one loop has failed, the other has nothing to live for.
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
