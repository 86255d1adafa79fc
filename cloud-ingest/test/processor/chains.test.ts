import type { Batch } from '@fieldline/shared/contracts';
import { systemClock } from '@fieldline/shared/runtime';
import { describe, expect, test } from 'vitest';
import { describeEachLine } from './each-line.ts';
import { Gateway, goodSample, type Sent, tagOf } from './line.ts';

const minute = 60_000_000;
const declares = (stream: string, from: number, to: number): Partial<Batch> => ({
  declared: [{ kind: 'batches', stream, from, to, samples: 1, reason: 'thinned' }],
});

describeEachLine('the chains of a gateway on', { started: true }, (line) => {
  /** One transaction after the other. */
  const store = async (...records: readonly Sent[]): Promise<void> => {
    for (const record of records) {
      await line.send(record);
      await line.settled();
    }
  };
  const streams = () => line.query<{ stream: string; class: string }>('SELECT stream, class FROM stream');
  const anomalies = () => line.query('SELECT kind, gateway, details FROM anomaly ORDER BY id');
  const one = () => [goodSample(tagOf('a'), 1)];

  describe('classes', () => {
    test('are told of each stream, whether a batch, its successor or a state message names it first', async () => {
      const alarms = new Gateway('gw');
      const debug = new Gateway('gw');
      const successor = new Gateway('gw', { stream: debug.stream, lastSeq: 4 });
      const process = new Gateway('gw');
      await store(
        alarms.state(),
        process.batch(one()),
        successor.batch(one(), { class: 'debug' }),
        alarms.batch(one(), { class: 'alarm' }),
        alarms.batch(one(), { class: 'alarm' }),
      );
      expect(new Map((await streams()).map((row) => [row.stream, row.class]))).toEqual(
        new Map([
          [alarms.stream, 'alarm'],
          [process.stream, 'process'],
          [debug.stream, 'debug'],
          [successor.stream, 'debug'],
        ]),
      );
      expect(await anomalies()).toEqual([]);
    });
  });

  describe('batches that may not be in the journal', () => {
    const sixth = async () => {
      const gateway = new Gateway('gw');
      for (let n = 1; n <= 5; n++) await line.send(gateway.batch(one()));
      await line.send(gateway.batch(one(), { volatile: true }));
      return gateway;
    };

    test('need not be known to a successor: they are stored once, and nothing is missing', async () => {
      const gateway = await sixth();
      await store(new Gateway('gw', { stream: gateway.stream, lastSeq: 5 }).batch(one()));
      expect(await anomalies()).toEqual([]);
      const [row] = await line.query(
        'SELECT last_seq, committed::text, volatile::text, samples, stored FROM stream WHERE stream = $1',
        [gateway.stream],
      );
      expect(row).toEqual({ last_seq: 6n, committed: '{[1,7)}', volatile: '{[6,7)}', samples: 6n, stored: 6n });
      expect(await line.query('SELECT count(*) AS n FROM sample')).toEqual([{ n: 7n }]);
    });

    test('hide no journal that was put back', async () => {
      const gateway = await sixth();
      const restored = new Gateway('gw', { stream: gateway.stream, lastSeq: 4 });
      await store(restored.batch(one()));
      const details = { predecessor: gateway.stream, stream: restored.stream, named: 4, seen: 5 };
      expect(await anomalies()).toEqual([{ kind: 'restored-journal', gateway: 'gw', details }]);
    });

    test('do not hide that others after them are', async () => {
      const gateway = await sixth();
      await line.send(gateway.batch([], declares(gateway.stream, 7, 7)));
      await store(new Gateway('gw', { stream: gateway.stream, lastSeq: 6 }).batch(one()));
      expect(await anomalies()).toMatchObject([{ kind: 'restored-journal', details: { named: 6, seen: 7 } }]);
    });
  });

  describe('two gateways with one id', () => {
    const start = systemClock.now() - 120 * minute;
    /** As it was sampled at a time, and received a second later or when it is said. */
    const sent = (
      gateway: Gateway,
      atMinute: number,
      more: Partial<Batch> & { receivedMinute?: number } = {},
    ): Sent => {
      const { receivedMinute = atMinute, ...stated } = more;
      const samples = [goodSample(tagOf('a'), 1, start + atMinute * minute)];
      return { ...gateway.batch(samples, stated), receivedAt: start + receivedMinute * minute + 1_000_000 };
    };

    test('show by a stream that goes on beside another one of its class, once for the two', async () => {
      const [first, second] = [new Gateway('gw'), new Gateway('gw')];
      await store(sent(first, 0), sent(first, 29), sent(second, 30), sent(first, 31), sent(second, 32));
      expect(await anomalies()).toEqual([]);
      await store(sent(first, 36), sent(second, 37), sent(first, 38), sent(second, 39));
      const details = { stream: first.stream, other: second.stream };
      expect(await anomalies()).toEqual([{ kind: 'two-gateways', gateway: 'gw', details }]);
      const restarted = new Gateway('gw', { stream: second.stream, lastSeq: second.lastSeq });
      await store(sent(restarted, 40), sent(first, 46), sent(first, 47));
      expect(await anomalies()).toEqual([
        { kind: 'two-gateways', gateway: 'gw', details },
        { kind: 'two-gateways', gateway: 'gw', details: { ...details, other: restarted.stream } },
      ]);
      expect(await line.query('SELECT count(*) AS n FROM sample')).toEqual([{ n: 12n }]);
    });

    const quiet: readonly [name: string, story: () => Sent[]][] = [
      [
        'a gateway with a new card, whose old one is emptied elsewhere',
        () => {
          const [old, card] = [new Gateway('gw'), new Gateway('gw')];
          const live = [sent(old, 0), sent(old, 29), sent(card, 30)];
          return [
            ...live,
            sent(old, 29.5, { receivedMinute: 50 }),
            sent(card, 51),
            sent(old, 29.9, { receivedMinute: 52 }),
          ];
        },
      ],
      [
        'a container that ends while the next one, without its journal, has begun',
        () => {
          const [old, next] = [new Gateway('gw'), new Gateway('gw')];
          return [sent(old, 0), sent(next, 30), sent(old, 30.5), sent(old, 31, { receivedMinute: 40 }), sent(next, 41)];
        },
      ],
      [
        'restarts in quick succession whose first batches come last first',
        () => {
          const first = new Gateway('gw');
          const second = new Gateway('gw', { stream: first.stream, lastSeq: 1 });
          const third = new Gateway('gw', { stream: second.stream, lastSeq: 1 });
          return [sent(third, 30), sent(first, 29, { receivedMinute: 31 }), sent(third, 40), sent(second, 30)];
        },
      ],
      [
        'streams of several classes',
        () => {
          const [alarms, process] = [new Gateway('gw'), new Gateway('gw')];
          return [sent(alarms, 0, { class: 'alarm' }), sent(process, 30), sent(alarms, 40, { class: 'alarm' })];
        },
      ],
      [
        'a stream in memory beside the journal, and a journal beside a stream in memory',
        () => {
          const [journal, memory] = [new Gateway('gw'), new Gateway('gw')];
          const again = new Gateway('gw');
          const volatile = { volatile: true };
          return [
            ...[sent(memory, 0, volatile), sent(journal, 30), sent(memory, 40, volatile), sent(journal, 41)],
            ...[sent(again, 60, volatile), sent(journal, 70)],
          ];
        },
      ],
      [
        'a journal of long ago that is sent by the gateway of now',
        () => {
          const [now, past] = [new Gateway('gw'), new Gateway('gw')];
          return [
            sent(now, 20),
            sent(past, 0, { receivedMinute: 40 }),
            sent(now, 50),
            sent(past, 1, { receivedMinute: 50 }),
          ];
        },
      ],
      [
        'a gateway whose clock was ahead by an hour, with its last batches sent late',
        () => {
          const [old, next] = [new Gateway('gw'), new Gateway('gw')];
          const live = [sent(old, 60, { receivedMinute: 0 }), sent(next, 30)];
          return [...live, ...[31, 32].map((at) => sent(old, 89, { receivedMinute: at })), sent(next, 33)];
        },
      ],
    ];
    test.each(quiet)('are not suspected behind %s', async (_, story) => {
      await store(...story());
      expect(await anomalies()).toEqual([]);
    });
  });
});
