import { systemClock } from '@fieldline/shared/runtime';
import { expect, test } from 'vitest';
import { describeEachLine } from './each-line.ts';
import { Gateway, goodSample, tagOf } from './line.ts';

describeEachLine('what the ledger of the processor notices, on', { started: false }, (line) => {
  const stored = async (): Promise<number> =>
    Number((await line.query<{ n: bigint }>('SELECT count(*) AS n FROM sample'))[0]?.n);

  test('reports two streams that follow the same one, and a journal that was put back', async () => {
    const first = new Gateway('gw');
    const previous = { stream: first.stream, lastSeq: 3 };
    const [second, clone, restored] = [1, 2, 3].map(
      (n) => new Gateway('gw', n === 3 ? { ...previous, lastSeq: 1 } : previous),
    );
    await line.start();
    for (const gateway of [first, first, first, second, clone, restored])
      await line.send((gateway as Gateway).batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    const found = await line.query(`SELECT kind, details ->> 'stream' AS stream FROM anomaly ORDER BY id`);
    expect(found).toEqual([
      { kind: 'forked-stream', stream: clone?.stream },
      { kind: 'forked-stream', stream: restored?.stream },
      { kind: 'restored-journal', stream: restored?.stream },
    ]);
    expect(await stored()).toBe(6);
  });

  test('reports a batch that comes again with other content, once for its stream, and none that is the same', async () => {
    const gateway = new Gateway('gw');
    const doubled = new Gateway('gw', null, gateway.stream);
    const honest = new Gateway('gw-2');
    const [early, late] = [goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2, systemClock.now() + 5)];
    const refused = goodSample(tagOf('a'), 1, 1);
    const kept = [honest.batch([early, refused]), honest.batch([late, early]), honest.batch([])];
    await line.start();
    await line.send(...kept, gateway.batch([early]), gateway.batch([early]), gateway.batch([early]));
    await line.settled();
    await line.send(...kept, doubled.batch([early]), doubled.batch([late]), doubled.batch([early, late]), ...kept);
    await line.settled();
    expect(await line.query('SELECT kind, gateway, details FROM anomaly')).toEqual([
      { kind: 'two-contents', gateway: 'gw', details: { stream: gateway.stream } },
    ]);
    expect(await stored()).toBe(6);
  });

  test('reports a stream whose batches have more samples than it states as read, once', async () => {
    const gateway = new Gateway('gw');
    const samples = [goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2)];
    await line.start();
    await line.send(gateway.batch(samples));
    for (let n = 0; n < 2; n++) await line.send(gateway.batch(samples, { read: 3 }));
    await line.settled();
    expect(await line.query('SELECT kind, gateway, details FROM anomaly')).toEqual([
      { kind: 'contradicting-counts', gateway: 'gw', details: { stream: gateway.stream } },
    ]);
    expect(await stored()).toBe(6);
  });

  test('knows from its successor how far a stream went', async () => {
    const first = new Gateway('gw');
    await line.start();
    await line.send(first.batch([goodSample(tagOf('a'), 1)]));
    await line.send(new Gateway('gw', { stream: first.stream, lastSeq: 4 }).batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    const rows = await line.query('SELECT last_seq FROM stream WHERE stream = $1', [first.stream]);
    expect(rows).toEqual([{ last_seq: 4n }]);
  });

  test('lets the next state of a gateway correct a wrong one; its will corrects nothing', async () => {
    const gateway = new Gateway('gw');
    const { stream } = gateway;
    const lastSeq = async () => (await line.query('SELECT last_seq FROM stream WHERE stream = $1', [stream]))[0];
    const far = 4_000_000_000;
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
    await line.send(gateway.state({ streams: [{ stream, first: 1, last: far, held: [[1, far]] }] }));
    await line.send(gateway.state({ reason: 'lost', online: false }));
    await line.settled();
    expect(await lastSeq()).toEqual({ last_seq: BigInt(far) });
    // A successor that names the true length meets a wrong state only: no journal was put back.
    await line.send(new Gateway('gw', { stream, lastSeq: 2 }).batch([goodSample(tagOf('a'), 3)]));
    await line.send(gateway.state());
    await line.settled();
    expect(await lastSeq()).toEqual({ last_seq: 2n });
    expect(await line.query('SELECT kind FROM anomaly')).toEqual([]);
  });

  test('keeps a stream with the gateway that it belongs to', async () => {
    const owner = new Gateway('gw-1');
    const other = new Gateway('gw-2', null, owner.stream);
    await line.start();
    await line.send(owner.batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    await line.send(other.batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    expect(await stored()).toBe(1);
    expect(await line.query('SELECT gateway, code, stage FROM dead_letter')).toEqual([
      { gateway: 'gw-2', code: 'batch/foreign-gateway', stage: 'ledger' },
    ]);
    expect(await line.query('SELECT kind, gateway FROM anomaly')).toEqual([
      { kind: 'stream-of-two-gateways', gateway: 'gw-2' },
    ]);
    expect(line.acks.filter(({ gateway }) => gateway === 'gw-2').flatMap(({ streams }) => streams)).toEqual([]);
  });
});
