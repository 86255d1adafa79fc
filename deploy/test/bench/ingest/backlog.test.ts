import { decodeBatch } from '@fieldline/shared/contracts';
import { expect, test } from 'vitest';
import { backlog, copyMessages, headersOf, smallBatches, untilNow } from '../../../bench/ingest/backlog.ts';
import { fleetBatches } from '../../../bench/ingest/fleet-rows.ts';

const shape = { gateways: 3, tagsPerGateway: 5, readsPerBatch: 2 };
const options = { shape, steps: 4, fromMicros: 1_700_000_000_000_000, stepMicros: 1_000_000 };

function decoded(records: Iterable<{ readonly key: string; readonly value: Buffer }>) {
  return [...records].map(({ key, value }) => {
    const result = decodeBatch(value, key);
    if (!result.ok) throw new Error(result.reason);
    return result.batch;
  });
}

test('a backlog is what gateways would have left: one stream each, batches without holes, no sample twice', () => {
  const batches = decoded(backlog(options));
  expect(batches).toHaveLength(12);
  const streams = Map.groupBy(batches, ({ stream }) => stream);
  expect(streams.size).toBe(3);
  for (const ofStream of streams.values()) expect(ofStream.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  const samples = batches.flatMap((batch) =>
    batch.time.map((time, n) => `${batch.gateway} ${batch.tagIndex[n]} ${time}`),
  );
  expect(new Set(samples).size).toBe(120);
});

test('two backlogs do not look like one sent twice', () => {
  const [first] = decoded(backlog(options));
  const [second] = decoded(backlog(options));
  expect(first?.stream).not.toBe(second?.stream);
});

test('a backlog ends now, whatever its size', () => {
  const { steps, fromMicros, stepMicros } = untilNow(smallBatches, 25_000);
  expect(steps).toBe(3);
  const end = fromMicros + steps * stepMicros;
  expect(Math.abs(Date.now() * 1_000 - end)).toBeLessThan(5_000_000);
});

test('raw COPY is given every row of the backlog', () => {
  const bytes = Buffer.concat(copyMessages([...backlog(options)]).map((message) => message.subarray(5)));
  // Signature and trailer, and rows of 56 bytes: six fields, of which the text is null.
  expect(bytes.length).toBe(19 + 120 * (2 + 3 * 12 + 8 + 6 + 4) + 2);
});

test('rows loaded without bytes are of the same series and readings as those of a backlog', () => {
  const [record] = backlog(options);
  if (record === undefined) throw new Error('no record');
  expect(record.headers).toEqual(headersOf(record.key, options.fromMicros + 1_000_000));
  const [fromBytes] = decoded([record]);
  const [direct] = fleetBatches({ ...options, fromStep: 0, toStep: 1 });
  expect(direct?.gateway).toBe(fromBytes?.gateway);
  expect(direct?.batch.tags).toEqual(fromBytes?.tags);
  expect(direct?.batch.value).toEqual(fromBytes?.value);
  expect(direct?.batch.time).toEqual(fromBytes?.time);
});
