/** A commander by itself; the device is a fake of a few lines. Over real protocols: deploy/test/commands. */
import { join } from 'node:path';
import { type CallInput, commandsSchema, writeObject } from '@fieldline/shared/config';
import {
  type AnswerMessage,
  answerSchema,
  decodeMessage,
  GOOD,
  type Sample,
  type Tag,
  type Value,
} from '@fieldline/shared/contracts';
import { createMetrics, silentLog } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';
import { Commander } from '../../src/commander/commander.ts';
import type { TagWriter } from '../../src/drivers/driver.ts';

export const tags = ['a', 'b', 'c', 'd'].map((name): Tag => ({ device: `plc-${name}`, tag: name, type: 'float64' }));
export const newFile = (): string => join(temporaryFolder(), 'commands', 'gw.sqlite');

type Changes = {
  readonly isMethod?: boolean;
  readonly file?: string;
  readonly settings?: object;
  readonly isHeld?: boolean;
  readonly atMostEveryMs?: number;
  /** µs since 1970 UTC. */
  readonly now?: number;
};

const amount: CallInput = { name: 'amount', type: 'float64', min: 0, max: 10 };

/** `release` lets devices answer that are held. */
export function startCommander(changes: Changes = {}) {
  const { file = newFile(), settings = {}, isHeld = false, isMethod = false, atMostEveryMs = 1 } = changes;
  const { now = 1_790_000_000_000_000 } = changes;
  const held = Promise.withResolvers<void>();
  if (!isHeld) held.resolve();
  const values = new Map<Tag, Value>();
  const sample = (tag: Tag): Sample => ({ tag, time: 1, value: values.get(tag) ?? 0, quality: GOOD });
  const writer: TagWriter = {
    read: async (tag) => sample(tag),
    write: async (tag, { value, permit }) => {
      await held.promise;
      const before = values.get(tag) ?? 0;
      const problem = permit(before);
      if (problem !== null) return { kind: 'not-sent', problem, before, written: null };
      values.set(tag, value);
      return { kind: 'accepted', problem: null, before, written: value };
    },
    call: async (tag, { inputs, permit }) => {
      await held.promise;
      const problem = permit(null);
      if (problem !== null) return { kind: 'not-sent', problem, outputs: null };
      values.set(tag, Number(values.get(tag) ?? 0) + 1);
      return { kind: 'accepted', problem: null, outputs: JSON.stringify({ twice: 2 * Number(inputs[0]) }) };
    },
  };
  const time = { now, isClockSet: true, aheadMs: 0 };
  const metrics = createMetrics();
  const samples: Sample[] = [];
  const answers: AnswerMessage[] = [];
  const commander = Commander.start({
    ...{ gateway: 'gw', file, log: silentLog, metrics },
    settings: commandsSchema.parse({ enabled: true, ...settings }),
    findTarget: (device) => {
      const tag = tags.find((one) => one.device === device);
      return (
        tag && {
          tag,
          writer,
          inputs: isMethod ? [amount] : null,
          rules: writeObject.parse({ min: 0, max: 10, atMostEveryMs }),
        }
      );
    },
    emit: (some) => samples.push(...some),
    isClockSet: () => time.isClockSet,
    clock: { now: () => time.now, monotonicMs: () => performance.now() + time.aheadMs },
  });
  const stop = async (): Promise<void> => {
    held.resolve();
    await commander.close();
    commander.end();
  };
  onTestFinished(stop);
  const connect = (): void =>
    commander.connected(async (bytes) => void answers.push(decodeMessage(answerSchema, bytes, 'gw')));
  connect();
  const send = (id: string, changes: object = {}): void => {
    const command = { v: 1, gateway: 'gw', id, device: 'plc-a', tag: 'a', value: 5, expires: time.now + 1_000_000 };
    commander.take(Buffer.from(JSON.stringify({ ...command, ...changes })), false);
  };
  const raw = (text: string, isRetained = false): void => commander.take(Buffer.from(text), isRetained);
  const outcomes = (): string[] => answers.map(({ id, outcome, reason }) => `${id} ${reason ?? outcome}`);
  return {
    ...{ commander, time, metrics, samples, answers, send, raw, outcomes, connect, stop, values },
    release: () => held.resolve(),
  };
}
