/** The watch over a bridge: whether it still receives, and whether the broker drops what it has acknowledged. */
import type { IngestConfig } from '@fieldline/shared/config';
import { type Clock, type Log, type Metrics, pause } from '@fieldline/shared/runtime';
import { createBrokerDrops } from './broker-drops.ts';
import { startLookout } from './lookout.ts';
import { createWatchdog, patienceRounds } from './watchdog.ts';

export type WatchOptions = {
  readonly mqtt: IngestConfig['mqtt'];
  readonly clientId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** True where nothing could come: no session, or a window that is full. */
  readonly held: () => boolean;
  /** Ends the session; the next one subscribes again. */
  readonly reconnect: () => void;
};

export type Watch = {
  /** For everything that comes through the bridge's own subscription; a probe has its payload. */
  readonly received: (probe: Buffer | null) => void;
  /** null while nothing speaks against it that the bridge receives. */
  readonly trouble: () => string | null;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

export function startWatch({ mqtt, clientId, clock, log, metrics, held, reconnect }: WatchOptions): Watch {
  const counts = watchMetrics(metrics);
  const watchdog = createWatchdog();
  const drops = createBrokerDrops();
  const stop = new AbortController();
  let untested = 0;

  const lookout = startLookout({
    config: mqtt,
    clientId,
    shareGroup: mqtt.shareGroup ?? '',
    clock,
    log,
    onControl: () => {
      watchdog.controlCame();
      lookout.sendProbe();
    },
    onAnswer: watchdog.received,
    onDropped: (payload) => {
      counts.dropsWatched.set(1);
      sayDropped(drops.read(payload), payload);
    },
    onDropsUnwatched: () => counts.dropsWatched.set(0),
  });

  function sayDropped(dropped: number | null, total: string): void {
    if (dropped === null && Number(total) > 0) {
      log.info(
        { dropped: Number(total) },
        'the broker has dropped messages since it was started, before this bridge looked',
      );
    }
    if (dropped === null || dropped === 0) return;
    counts.dropped.inc(dropped);
    log.warn(
      { dropped },
      'the broker has dropped messages that it had acknowledged: agents that confirm by `cloud` send them again, others ' +
        'have lost them. Raise its queue limits (Mosquitto: max_queued_messages) or start more bridges',
    );
  }

  function endRound(): void {
    const round = watchdog.next(held());
    if (round === 'held') return;
    untested = round === 'untested' ? untested + 1 : 0;
    counts.watched.set(untested > 0 ? 0 : 1);
    if (untested === patienceRounds) {
      log.warn(
        'it cannot be tested whether the bridge receives: give its user the right to publish and read fieldline/~probe/#',
      );
    }
    if (round === 'missed' && watchdog.missed() % patienceRounds === 0) {
      counts.reconnects.inc();
      log.error(`${deafness(mqtt.shareGroup)}; connecting again`);
      reconnect();
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      endRound();
      if (!held()) lookout.sendControl();
      await pause(mqtt.probeEveryMs, stop.signal);
    }
  }

  const running = run();
  return {
    received: (probe) => {
      watchdog.received();
      if (probe !== null) lookout.answerTo(probe);
    },
    trouble: () => (watchdog.missed() >= patienceRounds ? deafness(mqtt.shareGroup) : null),
    close: async () => {
      stop.abort();
      await running;
      await lookout.close();
    },
  };
}

const deafness = (shareGroup: string | undefined): string =>
  shareGroup === undefined
    ? 'the broker takes messages for this bridge and sends it none'
    : `the broker takes messages for share group ${shareGroup} and sends them to none of its bridges: if it has no shared ` +
      'subscriptions, leave out mqtt.shareGroup';

const watchMetrics = (metrics: Metrics) => ({
  watched: metrics.gauge('fieldline_bridge_watched', '1 while it can be tested whether the bridge receives, else 0'),
  reconnects: metrics.counter(
    'fieldline_bridge_deaf_total',
    'Times that the bridge connected again because nothing came that should have',
  ),
  dropsWatched: metrics.gauge(
    'fieldline_bridge_broker_drops_watched',
    '1 while the broker says how many messages it drops, else 0',
  ),
  dropped: metrics.counter(
    'fieldline_bridge_broker_dropped_total',
    'Messages for any client that the broker has dropped after it had acknowledged them',
  ),
});
