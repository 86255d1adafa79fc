import type { Log } from '@fieldline/shared/runtime';
import { connectOptions, type MqttVersion, readProxy, type UplinkConfig } from './connect-options.ts';
import type { Credentials } from './credentials.ts';
import { isWrongVersion, NoAnswer } from './refusal.ts';
import { openSession, type Session } from './session.ts';

/** A session, and what it was opened with. */
export type Opened = {
  readonly session: Session;
  readonly broker: string;
  readonly version: MqttVersion;
  /** Of the files, as they were when they were read. */
  readonly credentials: string;
};

export type OpenerOptions = {
  readonly uplink: UplinkConfig;
  readonly clientId: string;
  readonly will: () => { readonly topic: string; readonly payload: Buffer };
  readonly credentials: Credentials;
  /** The broker takes no more for this long; it takes batches again. */
  readonly onPause: (broker: string, pauseMs: number) => void;
  readonly onFlow: (broker: string) => void;
  readonly random: () => number;
  readonly log: Log;
};

/** Opens sessions, with the older MQTT version where a broker wants it. */
export class Opener {
  private readonly options: OpenerOptions;
  private readonly older = new Set<string>();
  /** Brokers that said nothing to the last try with MQTT 5: once a connection may end for any reason. */
  private readonly silent = new Set<string>();

  constructor(options: OpenerOptions) {
    this.options = options;
  }

  /** @throws what `explainRefusal` explains */
  async open(broker: string, signal: AbortSignal): Promise<Opened> {
    const isOlder = this.older.has(broker) || this.options.uplink.protocol === '3.1.1';
    if (isOlder) return this.openOlder(broker, signal);
    try {
      const opened = await this.openAs('5', broker, signal);
      this.silent.delete(broker);
      return opened;
    } catch (error) {
      if (signal.aborted || !this.wantsOlder(broker, error)) throw error;
      this.options.log.info({ broker }, 'the broker does not take MQTT 5: trying 3.1.1');
      return this.openOlder(broker, signal);
    }
  }

  private wantsOlder(broker: string, error: unknown): boolean {
    const isSilent = error instanceof NoAnswer;
    const wasSilent = this.silent.delete(broker);
    if (isSilent && !wasSilent) this.silent.add(broker);
    return isWrongVersion(error) || (isSilent && wasSilent);
  }

  private async openOlder(broker: string, signal: AbortSignal): Promise<Opened> {
    try {
      const opened = await this.openAs('3.1.1', broker, signal);
      this.older.add(broker);
      return opened;
    } catch (error) {
      // A broker that was replaced or upgraded may speak the version that is set.
      this.older.delete(broker);
      throw error;
    }
  }

  private async openAs(version: MqttVersion, broker: string, signal: AbortSignal): Promise<Opened> {
    const { uplink, clientId, will, credentials, random, onPause, onFlow } = this.options;
    // Before they are read: a change meanwhile is noticed.
    const files = credentials.version();
    const session = await openSession(
      {
        url: broker,
        mqtt: connectOptions(uplink, clientId, version, will()),
        proxy: readProxy(uplink),
        keepaliveMs: uplink.keepaliveMs,
        throttle: { random, onPause: (pauseMs) => onPause(broker, pauseMs), onFlow: () => onFlow(broker) },
      },
      signal,
    );
    return { session, broker, version, credentials: files };
  }
}
