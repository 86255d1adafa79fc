/** A backlog as gateways leave it in the backbone after an outage, and the same rows ready for a COPY. */
import { randomUUID } from 'node:crypto';
import { decodeBatch, encodeBatch, recordHeaders, type Sample, type Tag, topicOf } from '@fieldline/shared/contracts';
import type { NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { encodeRows } from '../../../cloud-ingest/src/store/copy/encode-rows.ts';
import { type RowSource, rowsOf } from '../../../cloud-ingest/src/store/rows.ts';

/** Each step of a gateway is one batch, in which every tag was read so many times. */
export type FleetShape = {
  readonly gateways: number;
  readonly tagsPerGateway: number;
  readonly readsPerBatch: number;
};

/** 10,000 series either way: in batches of 1,000 samples, and of 10. */
export const largeBatches: FleetShape = { gateways: 20, tagsPerGateway: 500, readsPerBatch: 2 };
export const smallBatches: FleetShape = { gateways: 1_000, tagsPerGateway: 10, readsPerBatch: 1 };

export const seriesOf = ({ gateways, tagsPerGateway }: FleetShape): number => gateways * tagsPerGateway;
export const rowsPerBatch = ({ tagsPerGateway, readsPerBatch }: FleetShape): number => tagsPerGateway * readsPerBatch;
export const rowsPerStep = (shape: FleetShape): number => shape.gateways * rowsPerBatch(shape);

export type BacklogOptions = {
  readonly shape: FleetShape;
  /** Batches per gateway. */
  readonly steps: number;
  /** Of the first step, µs. */
  readonly fromMicros: number;
  readonly stepMicros: number;
};

const micros = 1_000_000;

/** Every tag read once a second. */
export const stepAtOneSecond = ({ readsPerBatch }: FleetShape): number => readsPerBatch * micros;

/** At one sample a second, ending now; at least so many rows, in whole steps. */
export const untilNow = (shape: FleetShape, rows: number): BacklogOptions => {
  const steps = Math.ceil(rows / rowsPerStep(shape));
  const stepMicros = stepAtOneSecond(shape);
  return { shape, steps, fromMicros: Math.floor(Date.now() / 1_000) * micros - steps * stepMicros, stepMicros };
};

export const gatewayName = (index: number): string => `gateway-${index + 1}`;

export const tagsOf = ({ tagsPerGateway }: FleetShape): readonly Tag[] =>
  Array.from({ length: tagsPerGateway }, (_, tag) => ({
    device: `plc-${tag % 10}`,
    tag: `tag-${tag}`,
    type: 'float64',
  }));

/** With two decimals, as of an instrument. */
export const readingOf = (index: number, step: number): number =>
  Math.round(100 * (50 + 40 * Math.sin(index + step / 30))) / 100;

type Stream = { readonly gateway: string; readonly stream: string; readonly tags: readonly Tag[] };

/** Records in the order of their time, as the bridge would have appended them. Each call makes streams of its own. */
export function* backlog({ shape, steps, fromMicros, stepMicros }: BacklogOptions): Generator<NewRecord> {
  const tags = tagsOf(shape);
  const streams: Stream[] = Array.from({ length: shape.gateways }, (_, index) => ({
    gateway: gatewayName(index),
    stream: randomUUID(),
    tags,
  }));
  for (let step = 0; step < steps; step++) {
    // Gateways are not in step with each other.
    for (const [index, one] of streams.entries()) {
      const time = fromMicros + Math.floor(stepMicros * (step + index / streams.length));
      yield recordOf(one, shape, step, time, stepMicros);
    }
  }
}

function recordOf(
  { gateway, stream, tags }: Stream,
  { readsPerBatch }: FleetShape,
  step: number,
  time: number,
  stepMicros: number,
): NewRecord {
  const seq = step + 1;
  const samples = Array.from({ length: readsPerBatch }, (_, read) =>
    tags.map(
      (tag, index): Sample => ({
        tag,
        time: timeOf(time, stepMicros, readsPerBatch, read, index),
        value: readingOf(index, step * readsPerBatch + read),
        quality: 0,
      }),
    ),
  ).flat();
  const head = { gateway, stream, seq, read: seq * samples.length, filtered: 0, volatile: false, declared: [] };
  const value = encodeBatch({ ...head, ...(seq === 1 ? { previous: null } : {}), samples }, 'zstd');
  return { key: gateway, value, headers: headersOf(gateway, time + stepMicros) };
}

/** A gateway reads its tags one after the other. */
export const timeOf = (time: number, stepMicros: number, reads: number, read: number, index: number): number =>
  Math.floor(time + (read * stepMicros) / reads) + index * 100;

export const headersOf = (gateway: string, receivedAt: number): NewRecord['headers'] => ({
  [recordHeaders.topic]: topicOf(gateway, 'batch'),
  [recordHeaders.gateway]: gateway,
  [recordHeaders.receivedAt]: String(receivedAt),
});

/** The same rows as messages of one binary COPY: in the order in which they came, as nobody had sorted them. */
export function copyMessages(records: readonly NewRecord[]): Buffer[] {
  const seriesIds = new Map<string, readonly number[]>();
  let series = 0;
  const sources = records.map((record, index): RowSource => {
    const result = decodeBatch(record.value, record.key);
    if (!result.ok) throw new Error(`record ${index} cannot be decoded: ${result.reason}`);
    const { batch } = result;
    const ids = seriesIds.get(record.key) ?? batch.tags.map(() => ++series);
    seriesIds.set(record.key, ids);
    return { ...batch, streamNo: 1, seriesIds: ids };
  });
  const rows = rowsOf(sources);
  return messagesOf(
    encodeRows(
      rows,
      Uint32Array.from({ length: rows.count }, (_, row) => row),
      0,
      rows.count,
    ),
  );
}

/** All pieces of a COPY, kept: the source itself uses one buffer for all. */
export function messagesOf(source: () => Buffer | null): Buffer[] {
  const messages: Buffer[] = [];
  for (let message = source(); message !== null; message = source()) messages.push(Buffer.from(message));
  return messages;
}
