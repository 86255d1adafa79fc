/**
 * Three processors as processes of their own, on a real Kafka: one leaves, one comes, one is killed. While a steady flow goes
 * on, the longest time for which a partition stood still is measured, and printed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { backboneTopics } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import { describeWith, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type KafkaLine, kafkaConf, openKafkaLine, times } from './kafka-line.ts';
import { Gateway, goodSample, tagOf } from './line.ts';

const program = fileURLToPath(new URL('kafka-processor-program.ts', import.meta.url));
const sendEveryMs = 50;
const lookEveryMs = 20;
/** The bounds that we promise: what a member does by itself, and beyond the time after which one is missed. */
const boundMs = 5_000;

describeWith(kafka, 'three processors', () => {
  let server: OwnKafka;
  let line: KafkaLine;
  const running = new Map<string, ChildProcess>();

  beforeAll(async () => {
    server = await startKafka({ conf: kafkaConf });
    line = await openKafkaLine(server.broker, 6);
  }, 90_000);
  afterAll(async () => {
    for (const child of running.values()) child.kill('SIGKILL');
    await line.close();
    await server.close();
  }, 60_000);

  function start(instance: string): void {
    const { config } = line;
    const child = spawn(process.execPath, [program, config.database.url, server.broker, instance], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    running.set(instance, child);
  }

  async function end(instance: string, signal: NodeJS.Signals): Promise<void> {
    const child = running.get(instance);
    running.delete(instance);
    const ended = child === undefined ? null : once(child, 'exit');
    child?.kill(signal);
    await ended;
  }

  /** Which partitions the members read, once the group is at rest with that many. */
  async function shares(members: number): Promise<string[]> {
    return waitFor(
      async () => {
        const { groups } = await line.admin.describeGroups([line.config.processor.group]);
        const [group] = groups;
        if (group?.state !== 'Stable' || group.members.length !== members) return null;
        return group.members.map(({ memberAssignment }) => memberAssignment.toString('hex')).sort();
      },
      { what: `${members} processors in the group` },
    );
  }

  test('pause for less than was promised when one leaves, comes or is killed; nothing is missing or doubled', async () => {
    const partitions = (await line.backbone.bounds(backboneTopics.raw)).map(({ partition }) => partition);
    for (const instance of ['one', 'two', 'three']) start(instance);
    const atFirst = await shares(3);
    const gateways = Array.from({ length: 24 }, (_, n) => new Gateway(`gw-${n}`));
    let sent = 0;
    const stop = new AbortController();
    const sending = (async () => {
      while (!stop.signal.aborted) {
        sent += 1;
        await line.send(...gateways.map((gateway) => gateway.batch([goodSample(tagOf('a'), sent)])));
        await pause(sendEveryMs);
      }
    })();
    const movedMs = new Map<number, number>();
    let longestMs = 0;
    const watching = (async () => {
      let before = new Map<number, number>();
      while (!stop.signal.aborted) {
        const rows = await line.query<{ partition: number; next: number }>(
          'SELECT partition, next_offset::int AS next FROM source_offset',
        );
        const nowMs = performance.now();
        for (const { partition, next } of rows) {
          if (before.get(partition) !== next) movedMs.set(partition, nowMs);
          longestMs = Math.max(longestMs, nowMs - (movedMs.get(partition) ?? nowMs));
        }
        before = new Map(rows.map(({ partition, next }) => [partition, next]));
        await pause(lookEveryMs);
      }
    })();
    const flowing = (): Promise<unknown> => {
      const fromMs = performance.now();
      return waitFor(() => partitions.every((partition) => (movedMs.get(partition) ?? 0) > fromMs), {
        what: 'all partitions to flow',
      });
    };
    /** The longest pause of any partition from the change until all flow again. */
    const pauseMs = async (change: () => Promise<unknown>): Promise<number> => {
      await flowing();
      longestMs = 0;
      await change();
      await flowing();
      return Math.round(longestMs);
    };
    onTestFinished(async () => {
      stop.abort();
      await Promise.allSettled([sending, watching]);
    });
    const left = await pauseMs(async () => {
      await end('two', 'SIGTERM');
      await shares(2);
    });
    const came = await pauseMs(async () => {
      start('two');
      expect(await shares(3)).toEqual(atFirst);
    });
    const killed = await pauseMs(async () => {
      await end('three', 'SIGKILL');
      await shares(2);
    });
    process.stdout.write(
      `longest pause of a partition: one of three left ${left} ms, came back ${came} ms, was killed ${killed} ms (session ${times.sessionMs} ms)\n`,
    );
    stop.abort();
    await Promise.all([sending, watching]);
    await line.settled();
    expect(left).toBeLessThan(boundMs);
    expect(came).toBeLessThan(boundMs);
    expect(killed).toBeLessThan(times.sessionMs + boundMs);
    expect(
      await line.query('SELECT count(*)::int AS n, count(DISTINCT (series_id, value))::int AS different FROM sample'),
    ).toEqual([{ n: sent * gateways.length, different: sent * gateways.length }]);
    expect(await line.query('SELECT sum(duplicate_batches)::int AS n FROM stream')).toEqual([{ n: 0 }]);
    for (const instance of [...running.keys()]) await end(instance, 'SIGTERM');
  }, 120_000);
});
