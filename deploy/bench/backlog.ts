/** A backlog as gateways leave it in the backbone after an outage, and the same rows ready for a COPY. */
import { randomUUID } from 'node:crypto';
import { decodeBatch, encodeBatch, recordHeaders, type Sample, type Tag, topicOf } from '@fieldline/shared/contracts';
import type { NewRecord } from '../../cloud-ingest/src/backbone/backbone.ts';
import { encodeRows } from '../../cloud-ingest/src/store/copy/encode-rows.ts';
import { type RowSource, rowsOf } from '../../cloud-ingest/src/store/rows.ts';

const gateways = 10;
/** Each is read once a second, and each second is one batch. */
const tagsPerGateway = 1_000;
const micros = 1_000_000;

export const batchesFor = (rows: number): number => rows / tagsPerGateway;

type Stream = { readonly gateway: string; readonly stream: string; readonly tags: readonly Tag[] };

/** Records in the order of their time, as the bridge would have appended them. */
export function* backlog(rows: number, nowMs: number): Generator<NewRecord> {
  const streams: Stream[] = Array.from({ length: gateways }, (_, index) => {
    const gateway = `gateway-${index + 1}`;
    const tags = Array.from({ length: tagsPerGateway }, (_, tag) => ({
      device: `plc-${tag % 10}`,
      tag: `tag-${tag}`,
      type: 'float64' as const,
    }));
    return { gateway, stream: randomUUID(), tags };
  });
  const seconds = batchesFor(rows) / gateways;
  const firstMicros = (Math.floor(nowMs / 1_000) - seconds) * micros;
  for (let second = 0; second < seconds; second++) {
    for (const one of streams) yield recordOf(one, second + 1, firstMicros + second * micros);
  }
}

function recordOf({ gateway, stream, tags }: Stream, seq: number, time: number): NewRecord {
  const samples = tags.map(
    (tag, index): Sample => ({ tag, time: time + index * 100, value: readingOf(index, seq), quality: 0 }),
  );
  const head = { gateway, stream, seq, read: seq * tags.length, filtered: 0, volatile: false, declared: [] };
  const value = encodeBatch({ ...head, ...(seq === 1 ? { previous: null } : {}), samples }, 'zstd');
  const headers = {
    [recordHeaders.topic]: topicOf(gateway, 'batch'),
    [recordHeaders.gateway]: gateway,
    [recordHeaders.receivedAt]: String(time + micros),
  };
  return { key: gateway, value, headers };
}

/** With two decimals, as of an instrument. */
const readingOf = (index: number, seq: number): number =>
  Math.round(100 * (50 + 40 * Math.sin(index + seq / 30))) / 100;

/** The same rows as messages of one binary COPY: in the order in which they came, as nobody had sorted them. */
export function copyMessages(records: readonly NewRecord[]): Buffer[] {
  const seriesIds = new Map<string, readonly number[]>();
  const sources = records.map((record, index): RowSource => {
    const result = decodeBatch(record.value, record.key);
    if (!result.ok) throw new Error(`record ${index} cannot be decoded: ${result.reason}`);
    const { batch } = result;
    const ids = seriesIds.get(record.key) ?? batch.tags.map((_, tag) => seriesIds.size * tagsPerGateway + tag + 1);
    seriesIds.set(record.key, ids);
    return { ...batch, streamNo: 1, seriesIds: ids };
  });
  const rows = rowsOf(sources);
  const source = encodeRows(
    rows,
    Uint32Array.from({ length: rows.count }, (_, row) => row),
    0,
    rows.count,
  );
  const messages: Buffer[] = [];
  for (let message = source(); message !== null; message = source()) messages.push(Buffer.from(message));
  return messages;
}
