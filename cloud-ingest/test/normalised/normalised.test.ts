import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { FieldlineError } from '@fieldline/shared/contracts';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, kafka, kcat, requirePostgres, waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { microsOf } from '../../src/instant.ts';
import { type Processor, startProcessor } from '../../src/processor/processor.ts';
import { Gateway, goodSample, type Line, openLine, tagOf } from '../processor/line.ts';
import { birthOf, registry } from '../registry/parts.ts';
import { replay } from '../replay/replays.ts';
import { type Consumed, consume, openKafka, withKafkaFor, withTopic } from './parts.ts';

describeWith([kafka, kcat], 'the topic of normalised samples', () => {
  let line: Line;
  let broker: string;
  let topic: string;
  let toKafka: Backbone;
  let running: Processor | ChildProcess | null;
  beforeEach(async () => {
    running = null;
    topic = `samples-${randomUUID()}`;
    [broker = ''] = await kafka.brokers();
    toKafka = openKafka(broker);
    line = await openLine(await requirePostgres());
  });
  afterEach(async () => {
    if (running !== null && 'close' in running) await running.close();
    else if (running !== null) running.kill('SIGKILL');
    await toKafka.close();
    await line.close();
  });

  const health = createHealth();
  async function start(kafkaSide: Pick<Backbone, 'append' | 'ensureTopic'> = toKafka): Promise<void> {
    running = await startProcessor({
      config: withTopic(line.config, topic),
      backbone: withKafkaFor(topic, line.backbone, kafkaSide),
      acknowledge: async () => {},
      clock: systemClock,
      log: silentLog,
      metrics: createMetrics(),
      health,
    });
  }

  type Sample = { gateway: string; device: string; tag: string; time: string };
  /** As the database has them, in the words of the topic. */
  const stored = async (): Promise<Sample[]> => {
    const rows = await line.query<Sample>(
      `SELECT series.gateway, device, tag, type, unit, (extract(epoch FROM time) * 1000000)::int8::text AS time, value, text,
         quality, stream::text, (batch & 4294967295)::int AS seq
       FROM sample JOIN series USING (series_id) JOIN stream ON stream_no = (batch >> 32)::int4`,
    );
    return rows.sort(compare);
  };
  const consumed = (records: readonly Consumed[]) =>
    records
      .flatMap(({ record: { gateway, device, stream, seq, samples } }) =>
        samples.map(({ tag, type, unit, time, value, text, quality }) => ({
          gateway,
          device,
          tag,
          type,
          unit,
          time: `${time}`,
          value,
          text: text ?? null,
          quality,
          stream,
          seq,
        })),
      )
      .sort(compare);
  const nameOf = ({ gateway, device, tag, time }: Sample): string => `${gateway} ${device} ${tag} ${time}`;
  const compare = (a: Sample, b: Sample): number => (nameOf(a) < nameOf(b) ? -1 : 1);
  const identities = (records: readonly Consumed[]): string[] =>
    records.flatMap(({ record: { stream, seq, samples } }) =>
      samples.map(({ position }) => `${stream} ${seq} ${position}`),
    );

  test('has for other programs what the database has: scaled, judged by limits, with units, every bit', async () => {
    const [one, two] = [new Gateway(), new Gateway()];
    const now = systemClock.now();
    const tags = [
      { tag: 'level', unit: 'm', maximum: 5 },
      { tag: 'count', type: 'uint64' as const, unit: 'Wh' },
    ];
    await line.send(birthOf(one.gateway, tags), birthOf(two.gateway, tags));
    for (const gateway of [one, two])
      await line.send(
        gateway.batch([
          goodSample(tagOf('level'), 4.25, now),
          goodSample(tagOf('level'), 7, now + 1),
          goodSample(tagOf('level'), 1, 4e15),
          goodSample(tagOf('count', 'uint64'), 2n ** 64n - 1n, now + 2),
          goodSample(tagOf('mode', 'string', 'plc2'), 'läuft "auto"\n', now + 3),
          goodSample(tagOf('run', 'bool', 'plc2'), true, now + 4),
          { tag: tagOf('level'), time: now + 5, value: null, quality: 202 },
        ]),
      );
    await start();
    await line.settled();
    const records = await consume(broker, topic);
    expect(new Set(records.map(({ key }) => key))).toEqual(
      new Set([one, two].flatMap(({ gateway }) => [`${gateway}/plc1`, `${gateway}/plc2`])),
    );
    const rows = await stored();
    expect(rows).toHaveLength(12);
    expect(consumed(records)).toEqual(rows);
    expect(
      records
        .flatMap(({ record }) => (record.gateway === one.gateway ? record.samples.map(({ position }) => position) : []))
        .sort(),
    ).toEqual([0, 1, 3, 4, 5, 6]);
  });

  test('is told what a replay corrected, under the identity that each sample had: the last one counts', async () => {
    const gateway = new Gateway();
    const now = systemClock.now();
    const hour = 3_600_000_000;
    await start();
    await line.send(...[3, 2, 1].map((ago) => gateway.batch([goodSample(tagOf('level'), ago, now - ago * hour)])));
    await line.settled();
    const said = await registry(
      line,
      'set',
      `${gateway.gateway}/plc1/level`,
      '--scale',
      '10',
      '--from',
      `${now - 2 * hour}`,
    );
    const [, from = '', to = ''] = /--from (\S+) --to (\S+) /.exec(said.join('\n')) ?? [];
    const filter = {
      by: 'sample',
      from: microsOf(from) ?? 0,
      to: microsOf(to) ?? 0,
      gateway: gateway.gateway,
    } as const;
    const { tally } = await replay(
      { config: withTopic(line.config, topic), backbone: withKafkaFor(topic, line.backbone, toKafka) },
      { filter },
    );
    expect(tally).toMatchObject({ batches: 2 });
    const records = await consume(broker, topic);
    expect(consumed(records).map(({ value }) => value)).toEqual([3, 2, 20, 1, 10]);
    const last = new Map(identities(records).map((identity, n) => [identity, consumed(records.slice(n, n + 1))[0]]));
    expect([...last.values()]).toEqual(await stored());
  });

  test('makes the samples wait while Kafka does not take them, and makes no dead letter of any', async () => {
    const gateway = new Gateway();
    let refusals = 0;
    const trouble = new FieldlineError('backbone/unreachable', 'Kafka is away');
    let isAway = true;
    await start({
      ensureTopic: toKafka.ensureTopic,
      append: async (name, records) => {
        if (isAway) {
          refusals += 1;
          throw trouble;
        }
        await toKafka.append(name, records);
      },
    });
    await line.send(
      gateway.batch([goodSample(tagOf('a'), 1)]),
      gateway.batch([goodSample(tagOf('a'), 2, systemClock.now() + 1)]),
    );
    await waitFor(() => refusals >= 3, { what: 'three tries' });
    expect(health.ready.map((check) => check.trouble())).toContain('Kafka is away');
    expect(await line.query('SELECT FROM sample')).toEqual([]);
    isAway = false;
    await line.settled();
    const records = await consume(broker, topic);
    expect(consumed(records)).toMatchObject([{ value: 1 }, { value: 2 }]);
    expect(await stored()).toHaveLength(2);
    expect(await line.query('SELECT FROM dead_letter')).toEqual([]);
  });

  test('has everything, some of it twice under one identity, after a kill between Kafka and the commit', async () => {
    const gateway = new Gateway();
    const now = systemClock.now();
    const sent = Array.from({ length: 5 }, (_, n) =>
      gateway.batch(['a', 'b'].map((tag) => goodSample(tagOf(tag), n, now + n))),
    );
    const { backbone } = line.config;
    const folder = backbone.kind === 'embedded' ? backbone.folder : '';
    await line.send(...sent);
    await line.backbone.close();
    const program = fileURLToPath(new URL('killed-program.ts', import.meta.url));
    const { url } = line.config.database;
    const run = (...fate: string[]): ChildProcess =>
      spawn(process.execPath, [program, url, folder, broker, topic, ...fate], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    const killed = run('killed');
    expect((await once(killed, 'exit'))[1]).toBe('SIGKILL');
    expect(await stored()).toEqual([]);
    const before = await consume(broker, topic);
    expect(before.length).toBeGreaterThan(0);
    running = run();
    await waitFor(async () => (await stored()).length === sent.length * 2, {
      what: 'everything to be stored',
    });
    const after = await consume(broker, topic);
    const [all, unique] = [identities(after), new Set(identities(after))];
    expect(unique.size).toBe(sent.length * 2);
    expect(all.length).toBe(sent.length * 2 + identities(before).length);
    const withoutRepeats = new Map(consumed(after).map((sample) => [nameOf(sample), sample]));
    expect([...withoutRepeats.values()]).toEqual(await stored());
  });
});
