/** What a replay takes and what it leaves: the same whatever keeps the tables. */
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { describeEachLine } from '../processor/each-line.ts';
import { Gateway, goodSample, openBackbone, plainPostgres, recordOf, tagOf } from '../processor/line.ts';
import { batchAt, dayMs, fill, hours, minuteMs, readings } from './past.ts';
import { always, expectConsistent, replay } from './replays.ts';

describeEachLine('the rules of a replay, on', { started: true, on: [plainPostgres] }, (line) => {
  const now = Date.now();

  test('leaves alone what the backbone no longer has, and what is another record there', async () => {
    const gateway = new Gateway();
    await fill(line, now, gateway);
    const before = await readings(line);
    // Another log under the same name, half as long.
    const other = {
      ...line.config,
      backbone: { ...line.config.backbone, folder: `${String(Reflect.get(line.config.backbone, 'folder'))}-2` },
    };
    const backbone = openBackbone(other as typeof line.config);
    await backbone.ensureTopic('fieldline.raw');
    const stranger = new Gateway(gateway.gateway);
    const records = Array.from({ length: 10 }, () => batchAt(stranger, now));
    await backbone.append('fieldline.raw', records.map(recordOf));
    const { plan, tally } = await replay({ config: line.config, backbone });
    await backbone.close();
    expect(plan.map(({ fate, batches, fromOffset, toOffset }) => [fate, batches, fromOffset, toOffset])).toEqual([
      ['gone', hours * 6 + 1 - 10, 10, hours * 6],
      ['repairable', 10, 0, 9],
    ]);
    expect(tally.leftBehind()).toMatchObject([
      { why: 'differs', batches: 10, samples: 20, fromOffset: 0, toOffset: 9 },
    ]);
    expect(tally.batches).toBe(0);
    expect(await readings(line)).toEqual(before);
  });

  test('follows the accepted window: samples become rows or dead letters, and counts and letters with them', async () => {
    const gateway = new Gateway();
    const time = (ms: number) => (now - ms) * 1_000;
    await line.send(
      gateway.batch([goodSample(tagOf('a'), 1, time(2 * dayMs)), goodSample(tagOf('a'), 2, time(10 * minuteMs))]),
      gateway.batch([goodSample(tagOf('a'), 3, time(0)), goodSample(tagOf('b'), 4, time(3 * dayMs))]),
    );
    await line.settled();
    const letters = () =>
      line.query(
        'SELECT code, positions::text, redriven::text, redriven_at IS NOT NULL AS done FROM dead_letter ORDER BY id',
      );
    const counts = async () => (await line.query('SELECT samples, stored, rejected FROM stream'))[0];
    expect(await counts()).toEqual({ samples: 4n, stored: 4n, rejected: 0n });
    const narrow = { ...line.config.processor, acceptPastMs: dayMs };
    expect((await replay(line, { processor: narrow })).tally).toMatchObject({ stored: 2, rejected: 2 });
    expect(await counts()).toEqual({ samples: 4n, stored: 2n, rejected: 2n });
    const dead = { code: 'sample/time-out-of-window', redriven: '{}', done: false };
    expect(await letters()).toEqual([
      { ...dead, positions: '{[0,1)}' },
      { ...dead, positions: '{[1,2)}' },
    ]);
    await expectConsistent(line.query);
    // The same again changes nothing, not even the letters.
    await replay(line, { processor: narrow });
    expect(await letters()).toHaveLength(2);
    await replay(line);
    expect(await counts()).toEqual({ samples: 4n, stored: 4n, rejected: 0n });
    expect(await letters()).toEqual([
      { ...dead, positions: '{[0,1)}', redriven: '{[0,1)}', done: true },
      { ...dead, positions: '{[1,2)}', redriven: '{[1,2)}', done: true },
    ]);
    await expectConsistent(line.query);
  });

  test('lets the latest value fall back to the newest row that is left, and never to an older batch of the same time', async () => {
    const gateway = new Gateway();
    const at = (minutes: number): number => (Date.now() + minutes * minuteMs) * 1_000;
    const same = at(-60);
    await line.send(
      gateway.batch([goodSample(tagOf('a'), 1, at(-30)), goodSample(tagOf('b'), 1, same)]),
      gateway.batch([goodSample(tagOf('a'), 2, at(-20)), goodSample(tagOf('b'), 2, same)]),
      gateway.batch([goodSample(tagOf('a'), 3, at(50))]),
    );
    await line.settled();
    const latest = () => line.query('SELECT tag, value FROM latest JOIN series USING (series_id) ORDER BY tag');
    expect(await latest()).toEqual([
      { tag: 'a', value: 3 },
      { tag: 'b', value: 2 },
    ]);
    // The third batch is of the future for this one; of the others only the first is read.
    const strict = { ...line.config.processor, acceptFutureMs: 600_000 };
    await replay(line, { processor: strict, filter: { ...always, from: at(0) } });
    expect(await latest()).toEqual([
      { tag: 'a', value: 2 },
      { tag: 'b', value: 2 },
    ]);
    await replay(line, { filter: { ...always, to: at(-25) } });
    expect(await latest()).toEqual([
      { tag: 'a', value: 2 },
      { tag: 'b', value: 2 },
    ]);
    await expectConsistent(line.query);
  });

  test('gives a tag no type that it had before', async () => {
    const gateway = new Gateway();
    await line.send(gateway.batch([goodSample(tagOf('a', 'int16'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    await replay(line);
    expect(await line.query('SELECT type FROM series')).toEqual([{ type: 'float64' }]);
  });

  test('runs once at a time, and only for batches with the device', async () => {
    const gateway = new Gateway();
    const of = (device: string) => gateway.batch([goodSample(tagOf('a', 'float64', device), 1)]);
    await line.send(of('plc1'), of('plc2'), of('plc1'));
    await line.settled();
    const stop = new AbortController();
    const running = replay(line, { samplesPerSecond: 0.01, signal: stop.signal });
    await waitFor(
      async () =>
        (await line.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = x'7265706c'::int8`)).length > 0,
    );
    await expect(replay(line)).rejects.toMatchObject({ code: 'replay/running' });
    stop.abort();
    await running;
    expect((await replay(line, { device: 'plc2' })).tally).toMatchObject({ batches: 1, passedOver: 2 });
    await expectConsistent(line.query);
  });
});
