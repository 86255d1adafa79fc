/** Batches at a steady rate from a thread of its own, encoded beforehand: neither work of theirs falls into what is measured. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BackboneConfig } from '@fieldline/shared/config';
import { type FleetShape, rowsPerStep } from './backlog.ts';

export type FeedOptions = {
  readonly into:
    | { readonly kind: 'mqtt'; readonly url: string }
    | { readonly kind: 'log'; readonly config: BackboneConfig };
  readonly shape: FleetShape;
  readonly rowsPerSecond: number;
  readonly seconds: number;
  /** Time of the first samples, and from one step to the next; null: each batch has the time at which it is sent. */
  readonly times: { readonly fromMicros: number; readonly stepMicros: number } | null;
};

export type Fed = {
  readonly batches: number;
  /** How much later than planned the last of them was sent. */
  readonly lateMs: number;
};

export type Feed = {
  /** When the first batch is sent, ms since 1970 UTC; batch n of gateway g follows at `dueMs`. */
  readonly dueMs: (gateway: number, step: number) => number;
  readonly steps: number;
  /** Resolves when the last batch was taken. */
  readonly done: Promise<Fed>;
};

export type FromWorker = { readonly kind: 'ready'; readonly startMs: number } | ({ readonly kind: 'done' } & Fed);

export const stepsOf = ({ shape, rowsPerSecond, seconds }: FeedOptions): number =>
  Math.max(1, Math.round((seconds * rowsPerSecond) / rowsPerStep(shape)));

/** From one step of the fleet to the next. */
export const stepMsOf = ({ shape, rowsPerSecond }: FeedOptions): number => (1_000 * rowsPerStep(shape)) / rowsPerSecond;

/** Resolves when everything is encoded and the feed is about to begin. */
export async function startFeed(options: FeedOptions): Promise<Feed> {
  const worker = new Worker(new URL('feed-worker.ts', import.meta.url), { workerData: options });
  const next = async (): Promise<FromWorker> => {
    const [message]: FromWorker[] = await once(worker, 'message');
    if (message === undefined) throw new Error('the feeder said nothing');
    return message;
  };
  const ready = await next();
  if (ready.kind !== 'ready') throw new Error('the feeder ended before it began');
  const done = next().then((message) => {
    if (message.kind !== 'done') throw new Error('the feeder began twice');
    return message;
  });
  const { gateways } = options.shape;
  const stepMs = stepMsOf(options);
  return {
    dueMs: (gateway, step) => ready.startMs + stepMs * (step + gateway / gateways),
    steps: stepsOf(options),
    done,
  };
}
