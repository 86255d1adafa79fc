/**
 * The bridge's second connection, which looks at the first: it sends the probes of the watchdog, answers those of other
 * members of a share group, and reads the broker's own count of dropped messages. Nothing is kept for it at the broker, and
 * what it is refused costs the bridge nothing but the watch.
 */
import { randomUUID } from 'node:crypto';
import { probeReplyTopic, probeTopic } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';
import { keepConnected } from '../mqtt/keep-connected.ts';
import type { MqttConfig, Session } from '../mqtt/session.ts';
import { droppedTopic } from './broker-drops.ts';
import { answer, control, decodeProbe, encodeProbe } from './probe.ts';

export type LookoutOptions = {
  readonly config: MqttConfig;
  /** Of the bridge. */
  readonly clientId: string;
  /** Empty for a bridge without one. */
  readonly shareGroup: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Our control came back. */
  readonly onControl: () => void;
  /** A member of the share group has our probe. */
  readonly onAnswer: () => void;
  readonly onDropped: (payload: string) => void;
  /** The broker says no more what it drops. */
  readonly onDropsUnwatched: () => void;
};

export type Lookout = {
  readonly sendControl: () => void;
  readonly sendProbe: () => void;
  /** Tells whoever sent the probe that it came, if it is of our group and not our own. */
  readonly answerTo: (probe: Buffer) => void;
  readonly close: () => Promise<void>;
};

/** MQTT 5: a probe that waits for a bridge that is away is of no use to it. */
const probeExpirySeconds = 60;

export function startLookout(options: LookoutOptions): Lookout {
  const { config, clientId, shareGroup, clock, log } = options;
  const self = randomUUID().slice(0, 8);
  const replyTopic = probeReplyTopic(self);
  let session: Session | null = null;
  let countsRefused = false;

  const connection = keepConnected({
    config,
    session: { clientId: `${clientId.slice(0, 48)}-lookout-${self}`.slice(0, 64), persistent: false },
    clock,
    log,
    onSession: async (opened) => {
      opened.client.on('message', (topic, payload) => {
        if (topic === droppedTopic) options.onDropped(payload.toString());
        else if (payload.toString() === control) options.onControl();
        else if (payload.toString() === answer) options.onAnswer();
      });
      opened.ended.addEventListener('abort', () => {
        if (session !== opened) return;
        session = null;
        options.onDropsUnwatched();
      });
      session = opened;
      await subscribe(opened, replyTopic);
      // Some brokers end the session of a client that wants what it may not have: it is asked for once.
      if (!countsRefused) countsRefused = !(await subscribe(opened, droppedTopic)) && opened.ended.aborted;
    },
  });

  function send(topic: string, payload: string, qos: 0 | 1): void {
    if (session === null) return;
    const { client, protocol } = session;
    const properties = protocol === '5' ? { properties: { messageExpiryInterval: probeExpirySeconds } } : {};
    client.publish(topic, payload, { qos, ...properties }, (error) => {
      if (error !== undefined && error !== null) log.debug({ topic, err: error }, 'a probe was not taken');
    });
  }

  return {
    sendControl: () => send(replyTopic, control, 0),
    // QoS 1 like the data: a broker that waits for PUBACKs that it will never get would still send QoS 0.
    sendProbe: () => send(probeTopic, encodeProbe({ from: self, group: shareGroup }), 1),
    answerTo: (payload) => {
      const probe = decodeProbe(payload);
      if (probe === null || shareGroup === '' || probe.group !== shareGroup || probe.from === self) return;
      send(probeReplyTopic(probe.from), answer, 0);
    },
    close: connection.close,
  };
}

/** false where the broker refuses; the watch then has nothing to see, and says so itself. */
async function subscribe({ client }: Session, topic: string): Promise<boolean> {
  try {
    const granted = await client.subscribeAsync(topic, { qos: 0 });
    return granted.every(({ qos }) => qos < 0x80);
  } catch {
    return false;
  }
}
