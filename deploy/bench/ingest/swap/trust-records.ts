/**
 * In the place of `decode/registry.ts`: what a batch says is taken for granted. Bytes are unpacked and parsed, tag lists are
 * remembered and times added up, as that has to be; nothing is checked, no time window held, no other kind of message known.
 */
import { zstdDecompressSync } from 'node:zlib';
import { parseTopic, recordHeaders, type Tag, type Value } from '@fieldline/shared/contracts';
import type * as real from '../../../../cloud-ingest/src/decode/registry.ts';
import { cutTagList, TagLists } from '../../../../shared/src/contracts/tag-lists.ts';
import { readFrame } from '../../../../shared/src/contracts/zstd-frames.ts';

export const decoders: typeof real.decoders = [];

type Wire = {
  readonly stream: string;
  readonly seq: number;
  readonly read: number;
  readonly filtered: number;
  readonly t0: number;
  readonly i?: number[];
  readonly t: readonly number[];
  readonly x: Value[];
};

const tagLists = new TagLists();

function tagsOf(list: Buffer, gateway: string): readonly Tag[] {
  const known = tagLists.find(list, gateway);
  if (known !== undefined) return known;
  const runs: [string, ...string[]][] = JSON.parse(list.toString());
  const tags = runs.flatMap(([device, ...pairs]) =>
    pairs.flatMap((tag, at) => (at % 2 === 0 ? [{ device, tag, type: pairs[at + 1] as Tag['type'] }] : [])),
  );
  tagLists.keep(list, gateway, tags);
  return tags;
}

export const decodeRecord: typeof real.decodeRecord = (record, { topic }) => {
  const mqttTopic = record.headers[recordHeaders.topic] ?? record.key;
  const { value: bytes, partition, offset, headers } = record;
  const receivedAt = Number(headers[recordHeaders.receivedAt]);
  const origin = { topic, partition, offset, receivedAt, bytes, headers };
  const cut = cutTagList(readFrame(bytes) ?? zstdDecompressSync(bytes));
  if (cut === null) throw new Error('the backlog holds batches only');
  const { stream, seq, read, filtered, t0, i, t, x }: Wire = JSON.parse(cut.rest);
  let last = t0;
  const time = t.map((delta) => {
    last += delta;
    return last;
  });
  const head = { gateway: record.key, stream, seq, read, filtered, volatile: false, declared: [] };
  const tags = tagsOf(cut.list, record.key);
  const columns = {
    tags,
    sent: x.length,
    tagIndex: i ?? tags.map((_, index) => index),
    time,
    value: x,
    quality: x.map(() => 0 as const),
  };
  const batch = { ...head, ...columns, rejected: [] };
  return { kind: 'batch', gateway: parseTopic(mqttTopic)?.gateway ?? record.key, batch, origin };
};
