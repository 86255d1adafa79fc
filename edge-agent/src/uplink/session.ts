/** One session with an MQTT broker: the only file that knows the library `mqtt`. */
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { PacketLengths } from '@fieldline/shared/runtime';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { Liveness, looksPerKeepalive } from './liveness.ts';
import type { SiteProxy } from './proxy.ts';
import { EndedByBroker, LinkDead, NoAnswer } from './refusal.ts';
import { Throttle, type ThrottleHooks } from './throttle.ts';
import { Window } from './window.ts';

export type Session = {
  /** Resolves with the PUBACK. @throws when the broker refused it, or the session ended */
  readonly publish: (topic: string, bytes: Buffer, options?: { readonly retain?: boolean }) => Promise<void>;
  /** `isRetained`: the broker kept it, and gave it for the subscription, or (MQTT 5) would give it to the next one. */
  readonly subscribe: (topic: string, onMessage: (bytes: Buffer, isRetained: boolean) => void) => Promise<void>;
  /** Resolves when the session is over: with the reason, or null where the broker gave none. */
  readonly ended: Promise<unknown>;
  /** Takes leave: the broker does not publish the will. */
  readonly close: () => Promise<void>;
};

export type SessionOptions = {
  readonly url: string;
  readonly mqtt: IClientOptions;
  readonly proxy: SiteProxy | undefined;
  readonly keepaliveMs: number;
  readonly throttle: ThrottleHooks;
};

const leaveTimeoutMs = 2_000;
/** Of a publish beside topic and payload. */
const packetOverhead = 32;

/** @throws the refusal of the broker (`code` is that of the CONNACK), what the socket said, or what the proxy said */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<Session> {
  const { client, lengths } = await openClient(options, signal);
  const { connack, ended, fail } = await connected(client, signal);
  const window = new Window(connack.properties?.receiveMaximum ?? 65_535);
  const throttle = new Throttle(window, options.throttle);
  const liveness = watchLink(client, connack, options.keepaliveMs, fail);
  const over = ended.finally(() => {
    liveness.stop();
    throttle.end();
  });
  const maxPacketBytes = connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  return {
    publish: async (topic, bytes, { retain = false } = {}) => {
      const contentBytes = bytes.length + Buffer.byteLength(topic);
      const size = contentBytes + packetOverhead;
      if (size > maxPacketBytes)
        throw new Error(`the broker takes at most ${maxPacketBytes} bytes, not ${size}: set uplink.maxBatchBytes`);
      lengths.expect(contentBytes, size);
      await throttle.run(() => liveness.answer(client.publishAsync(topic, bytes, { qos: 1, retain })));
    },
    subscribe: async (topic, onMessage) => {
      client.on('message', (from, payload, { retain }) => {
        if (from === topic) onMessage(payload, retain);
      });
      await client.subscribeAsync(topic, { qos: 1, rap: true });
    },
    ended: over,
    close: async () => {
      // Waits for open answers, but not for ever: a broker that gives none publishes the will, and rightly so.
      const timer = setTimeout(() => client.stream.destroy(), leaveTimeoutMs);
      client.end();
      await over;
      clearTimeout(timer);
    },
  };
}

type Library = typeof import('mqtt') & { readonly lengths: PacketLengths };

let loaded: Promise<Library> | undefined;

/** Loaded when it is needed: what reads begins before. */
function library(): Promise<Library> {
  loaded ??= import('mqtt').then((mqtt) => {
    const { writeToStream } = createRequire(import.meta.resolve('mqtt'))('mqtt-packet');
    return { ...mqtt, lengths: new PacketLengths(writeToStream) };
  });
  return loaded;
}

async function openClient(options: SessionOptions, signal: AbortSignal) {
  const mqtt = await library();
  signal.throwIfAborted();
  return { client: await clientOf(mqtt, options, signal), lengths: mqtt.lengths };
}

async function clientOf(
  { connect, MqttClient }: Library,
  { url, mqtt, proxy }: SessionOptions,
  signal: AbortSignal,
): Promise<MqttClient> {
  if (proxy === undefined) return connect(url, mqtt);
  const tunnel = await tunnelTo(url, mqtt, proxy, signal);
  if (signal.aborted) tunnel.destroy();
  signal.throwIfAborted();
  if (url.startsWith('ws')) return connect(url, { ...mqtt, wsOptions: { createConnection: () => tunnel } });
  const { username } = new URL(url);
  const named = username === '' ? {} : { username: decodeURIComponent(username) };
  return new MqttClient(() => tunnel, { ...named, ...mqtt });
}

/** Where the addresses name no port. */
const defaultPorts: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };

async function tunnelTo(url: string, mqtt: IClientOptions, proxy: SiteProxy, signal: AbortSignal): Promise<Duplex> {
  const { openTunnel, secureTunnel } = await import('./proxy.ts');
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const timeoutMs = mqtt.connectTimeout ?? 10_000;
  const to = { host, port: port === '' ? (defaultPorts[protocol] ?? 0) : Number(port) };
  const tunnel = await openTunnel(proxy, to, timeoutMs, signal);
  if (protocol !== 'mqtts:' && protocol !== 'wss:') return tunnel;
  return secureTunnel(tunnel, host, mqtt, timeoutMs, signal);
}

/**
 * The library has a check of its own, which is kept from acting: it waits one and a half keepalives, and where the broker
 * wants a longer keepalive that one, and knows nothing of a broker that answers pings alone.
 */
function watchLink(
  client: MqttClient,
  connack: IConnackPacket,
  ownKeepaliveMs: number,
  fail: (reason: unknown) => void,
): { readonly answer: <T>(publish: Promise<T>) => Promise<T>; readonly stop: () => void } {
  const liveness = new Liveness();
  let unanswered = 0;
  const brokersMs = (connack.properties?.serverKeepAlive ?? Number.POSITIVE_INFINITY) * 1_000;
  const keepaliveMs = brokersMs > 0 ? Math.min(ownKeepaliveMs, brokersMs) : ownKeepaliveMs;
  client.on('packetreceive', () => liveness.heard());
  client.on('packetsend', () => liveness.said());
  const timer = setInterval(() => {
    client.reschedulePing(true);
    const verdict = liveness.look(unanswered);
    if (verdict === 'ask') client.sendPing();
    if (verdict === 'dead') fail(new LinkDead(`nothing was heard from it for ${keepaliveMs} ms (uplink.keepaliveMs)`));
    if (verdict === 'stuck') fail(new LinkDead('it answers pings, but no publish'));
  }, keepaliveMs / looksPerKeepalive);
  return {
    answer: async (publish) => {
      unanswered += 1;
      try {
        return await publish;
      } finally {
        unanswered -= 1;
        liveness.answered();
      }
    },
    stop: () => clearInterval(timer),
  };
}

type Connected = {
  readonly connack: IConnackPacket;
  readonly ended: Promise<unknown>;
  /** Ends the session without leave. */
  readonly fail: (reason: unknown) => void;
};

function connected(client: MqttClient, signal: AbortSignal): Promise<Connected> {
  return new Promise((resolve, reject) => {
    let lastError: unknown = null;
    /** What ends it for certain; errors that the socket gives afterwards say less. */
    let verdict: unknown = null;
    const ended = Promise.withResolvers<unknown>();
    const abort = (): void => void client.end(true);
    signal.addEventListener('abort', abort, { once: true });
    const remember = (error: unknown): void => {
      lastError = error;
    };
    client.on('error', remember);
    // The library keeps errors without a code to itself, such as the answer to a WebSocket that is refused.
    client.stream.on('error', remember);
    client.on('disconnect', (packet) => {
      verdict = new EndedByBroker(packet.reasonCode ?? 0);
    });
    const fail = (why: unknown): void => {
      verdict ??= why;
      client.stream.destroy();
    };
    client.once('connect', (connack) => {
      // From now on only the owner ends it: an orderly stop takes leave of the broker.
      signal.removeEventListener('abort', abort);
      resolve({ connack, ended: ended.promise, fail });
    });
    client.once('close', () => {
      signal.removeEventListener('abort', abort);
      const reason = verdict ?? lastError;
      reject(reason ?? new NoAnswer('the connection ended before the broker answered'));
      ended.resolve(reason);
      // Fails what is still unanswered, and lets go of everything.
      client.end(true);
    });
  });
}
