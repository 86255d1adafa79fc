import { batchVersion } from '@fieldline/shared/contracts';
import { report } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { describeEachLine } from './each-line.ts';
import { Gateway, goodSample, tagOf } from './line.ts';

describeEachLine('what the processor acknowledges, on', { started: false }, (line) => {
  test('acknowledges a batch that can never be stored, so that its gateway stops sending it', async () => {
    const gateway = new Gateway();
    const newer = JSON.parse(gateway.batch([goodSample(tagOf('a'), 1)]).bytes.toString());
    await line.start();
    const sent = {
      gateway: gateway.gateway,
      kind: 'batch',
      bytes: Buffer.from(JSON.stringify({ ...newer, v: batchVersion + 1 })),
    } as const;
    await line.send(sent, sent);
    await line.settled();
    expect(await line.query('SELECT code FROM dead_letter')).toEqual([{ code: 'batch/unsupported-version' }]);
    const ack = await waitFor(() => line.acks.at(-1));
    expect(ack.streams).toEqual([{ stream: gateway.stream, committed: [[1, 1]], ask: [] }]);
  });

  test('asks for a hole that the gateway holds, and for no other', async () => {
    const gateway = new Gateway();
    const batches = Array.from({ length: 6 }, (_, n) => gateway.batch([goodSample(tagOf('a'), n)]));
    const sent = batches.filter((_, n) => n !== 2 && n !== 3);
    await line.start();
    await line.send(...sent);
    await line.send(gateway.state({ streams: [{ stream: gateway.stream, first: 1, last: 6, held: [[3, 3]] }] }));
    await line.settled();
    const ack = await waitFor(() => line.acks.find((each) => each.streams.some(({ ask }) => ask.length > 0)));
    expect(ack.streams).toEqual([
      {
        stream: gateway.stream,
        committed: [
          [1, 2],
          [5, 6],
        ],
        ask: [[3, 3]],
      },
    ]);
    await line.send(...batches.slice(2, 3));
    await line.settled();
    await waitFor(() => line.acks.at(-1)?.streams[0]?.ask.length === 0);
    expect(line.acks.at(-1)?.streams[0]?.committed).toEqual([
      [1, 3],
      [5, 6],
    ]);
  });

  test('answers a gateway that comes back with what is stored of it', async () => {
    const gateway = new Gateway();
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    await waitFor(() => line.acks.length > 0);
    line.acks.length = 0;
    await line.send(gateway.state({ reason: 'started' }));
    const ack = await waitFor(() => line.acks.at(-1));
    expect(ack.gateway).toBe(gateway.gateway);
    expect(ack.streams).toEqual([{ stream: gateway.stream, committed: [[1, 1]], ask: [] }]);
    expect(await line.query('SELECT online FROM gateway')).toEqual([{ online: true }]);
  });

  test('is not ready while no acknowledgement can be made, and is again when it can', async () => {
    const gateway = new Gateway('gw');
    const trouble = () => report(line.health.ready).troubles['processor-acknowledge'];
    await line.start();
    const [row] = await line.query<{ id: string }>('DELETE FROM incarnation RETURNING id');
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
    expect(await waitFor(trouble)).toContain('the table incarnation is empty');
    expect(line.acks).toEqual([]);
    await line.query('INSERT INTO incarnation (id) VALUES ($1)', [row?.id]);
    await waitFor(() => line.acks.length > 0 && report(line.health.ready).ok);
  });
});
