/** What the tests of the bridge share: settings, a log in memory that can be held up, and a publisher. */
import { ingestSchema } from '@fieldline/shared/config';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Backbone, NewRecord } from '../../src/backbone/backbone.ts';
import { createBell } from '../../src/backbone/bell.ts';
import { type BridgeParts, startBridge } from '../../src/bridge/bridge.ts';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.ts';

export const configFor = (broker: string, mqtt: Record<string, unknown> = {}) =>
  ingestSchema.parse({
    mqtt: { broker, ...mqtt },
    backbone: { kind: 'embedded', folder: 'unused' },
    database: { url: 'postgres://unused@127.0.0.1/unused' },
  });

/**
 * Only `append`, in memory. `hold` makes appends wait, `holdAnswers` makes them durable and answers later, `fail` makes them
 * fail.
 */
export function memoryBackbone() {
  const records: NewRecord[] = [];
  const released = createBell();
  let begun = 0;
  let held = false;
  let heldAnswers = false;
  let failure: Error | null = null;
  const unused = async (): Promise<never> => {
    throw new Error('the bridge only appends');
  };
  const backbone: Backbone = {
    kind: 'embedded',
    identity: unused,
    ensureTopic: unused,
    consume: unused,
    bounds: unused,
    close: async () => {},
    append: async (_, appended) => {
      begun += 1;
      while (held) await released.next();
      if (failure !== null) throw failure;
      records.push(...appended);
      while (heldAnswers) await released.next();
    },
  };
  return {
    backbone,
    records,
    /** Appends that were asked for, done or not. */
    appends: () => begun,
    texts: () => records.map(({ value }) => value.toString()),
    hold: () => {
      held = true;
    },
    holdAnswers: () => {
      heldAnswers = true;
    },
    release: () => {
      held = false;
      heldAnswers = false;
      released.ring();
    },
    fail: (error: Error | null) => {
      failure = error;
    },
  };
}

export function bridgeWith(
  backbone: Backbone,
  config: BridgeParts['config'],
  deadLetter: BridgeParts['deadLetter'] = async () => {},
) {
  const metrics = createMetrics();
  const health = createHealth();
  const bridge = startBridge({ config, backbone, deadLetter, clock: systemClock, log: silentLog, metrics, health });
  return { bridge, metrics, trouble: () => health.ready[0]?.trouble() ?? null };
}

export function deadLetters() {
  const letters: DeadLetter[] = [];
  return {
    letters,
    sink: async (letter: DeadLetter) => {
      letters.push(letter);
    },
  };
}

export const publisher = (url: string, protocolVersion: 4 | 5 = 4): Promise<MqttClient> =>
  connectAsync(url, { protocolVersion, reconnectPeriod: 50 });
