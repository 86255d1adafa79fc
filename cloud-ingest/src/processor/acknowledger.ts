/**
 * Tells gateways what the database holds. It reads the ledger itself, after the commits: an acknowledgement can only say what
 * any other connection sees, and several commits become one message.
 */
import { type AckMessage, maxStreamsListed } from '@fieldline/shared/contracts';
import { type Clock, createBackoff, explain, type Log, pause } from '@fieldline/shared/runtime';
import { streamColumns, streamRowOf } from '../ledger/ledger-store.ts';
import { recoverableOf, type StreamRow } from '../ledger/stream-row.ts';
import type { Session, Store } from '../store/connection.ts';
import { readIncarnation } from '../store/incarnation.ts';
import { ackMessageOf } from './ack-message.ts';
import { type HoleWatch, watchHoles } from './aged-holes.ts';

/** How old a hole is before it is asked for, and how often the gateways with such holes are looked at again. */
const askAfterMs = 3_000;
/** Gateways in one query. */
const maxGateways = 200;
/** After a query it rests this many times as long: of a large fleet each gateway hears less often, and storing goes on. */
const restPerQuery = 3;

export type Acknowledger = {
  /** Their ledgers have changed, or they want to know how they stand. */
  readonly touch: (gateways: Iterable<string>) => void;
  /** Why no acknowledgement can be made at the moment, or null. */
  readonly trouble: () => string | null;
  /** Idempotent: says what is still to be said, once. */
  readonly close: () => Promise<void>;
};

export type AcknowledgerParts = {
  readonly store: Store;
  /** Resolves when the broker has it, which may take as long as the broker is away. */
  readonly acknowledge: (message: AckMessage) => Promise<void>;
  readonly lagging: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
};

type GatewayStreams = Map<string, StreamRow[]>;

export function createAcknowledger({ store, acknowledge, lagging, clock, log }: AcknowledgerParts): Acknowledger {
  const touched = new Set<string>();
  /** Per gateway with open holes, per stream. A gateway without holes is in no one's memory. */
  const watched = new Map<string, Map<string, HoleWatch>>();
  const abort = new AbortController();
  const backoff = createBackoff({ firstMs: 100, maxMs: 5_000 });
  let running: Promise<void> | null = null;
  let trouble: string | null = null;
  const timer = setInterval(() => touch(watched.keys()), askAfterMs);

  function touch(gateways: Iterable<string>): void {
    for (const gateway of gateways) touched.add(gateway);
    if (touched.size > 0 && !abort.signal.aborted) start();
  }

  function start(): void {
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    while (touched.size > 0) {
      const gateways = [...touched].slice(0, maxGateways);
      for (const gateway of gateways) touched.delete(gateway);
      const startedMs = clock.monotonicMs();
      try {
        await answer(gateways);
        backoff.reset();
        trouble = null;
        await pause((clock.monotonicMs() - startedMs) * restPerQuery, abort.signal);
      } catch (error) {
        for (const gateway of gateways) touched.add(gateway);
        trouble = `the ledger cannot be read for acknowledgements: ${explain(error)}`;
        log.warn({ err: error }, 'the ledger cannot be read for acknowledgements');
        if (!(await pause(backoff.next(), abort.signal))) return;
      }
    }
  }

  async function answer(gateways: readonly string[]): Promise<void> {
    const [incarnation, streams] = await store.withSession(async (session) => [
      await readIncarnation(session),
      await newestStreams(session, gateways),
    ]);
    for (const gateway of gateways) {
      const rows = streams.get(gateway) ?? [];
      const asked = lookForHoles(gateway, rows);
      const about = { incarnation, at: clock.now(), lagging: lagging() };
      const message = ackMessageOf(
        gateway,
        rows.map((row) => ({ ...row, ask: asked.get(row.stream)?.aged ?? [] })),
        about,
      );
      acknowledge(message).catch((error: unknown) => log.error({ gateway, err: error }, 'acknowledging failed'));
    }
  }

  function lookForHoles(gateway: string, rows: readonly StreamRow[]): Map<string, HoleWatch> {
    const before = watched.get(gateway);
    const now = new Map<string, HoleWatch>();
    for (const row of rows) {
      const holes = recoverableOf(row);
      if (holes.length > 0)
        now.set(row.stream, watchHoles(before?.get(row.stream), holes, clock.monotonicMs(), askAfterMs));
    }
    if (now.size > 0) watched.set(gateway, now);
    else watched.delete(gateway);
    return now;
  }

  return {
    touch,
    trouble: () => trouble,
    close: async () => {
      clearInterval(timer);
      abort.abort();
      await running;
    },
  };
}

/** Of each gateway the streams with the most recent traffic, then those it holds something of. */
async function newestStreams(session: Session, gateways: readonly string[]): Promise<GatewayStreams> {
  const rows = await session.query<Parameters<typeof streamRowOf>[0]>(
    `SELECT stream.* FROM unnest($1::text[]) AS wanted (name), LATERAL (
       SELECT ${streamColumns} FROM stream WHERE gateway = wanted.name
       ORDER BY last_received_at DESC NULLS LAST, isempty(held), stream_no DESC LIMIT $2) AS stream`,
    [gateways, maxStreamsListed],
  );
  const streams: GatewayStreams = new Map();
  for (const raw of rows) {
    const row = streamRowOf(raw);
    const list = streams.get(row.gateway);
    if (list === undefined) streams.set(row.gateway, [row]);
    else list.push(row);
  }
  return streams;
}
