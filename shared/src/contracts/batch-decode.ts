import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  batchVersion,
  type DecodedBatch,
  maxBatchBytes,
  maxBatchSamples,
  maxDecodedBytes,
  type RejectedSample,
} from './batch.ts';
import { parsePayload } from './describe-payload.ts';
import { type ErrorCode, FieldlineError } from './errors.ts';
import { type QualityCode, qualityClass } from './quality.ts';
import { fitsType, type Micros, type Tag, type Value, type ValueType, valueTypes } from './sample.ts';
import { cutTagList, type TagLists, tagListMark } from './tag-lists.ts';
import { isId } from './topics.ts';
import { identitySchema, type WireBatch, wireBatchOf } from './wire-batch.ts';
import { readFrame } from './zstd-frames.ts';

/** What cannot be a batch at all: the whole record becomes a dead letter with this code. */
export type BatchReject = {
  readonly code: Extract<ErrorCode, `batch/${string}`>;
  readonly reason: string;
};
export type DecodeResult = { readonly ok: true; readonly batch: DecodedBatch } | ({ readonly ok: false } & BatchReject);

/**
 * A batch from its bytes. Never throws on bad bytes: a reject is data. `gateway` is the one of the topic; `lists` makes
 * batches quicker to decode whose tags were there before, and changes nothing else.
 */
export function decodeBatch(bytes: Buffer, gateway: string, lists?: TagLists): DecodeResult {
  try {
    return { ok: true, batch: decode(bytes, gateway, lists) };
  } catch (error) {
    if (!(error instanceof FieldlineError)) throw error;
    return { ok: false, code: error.code as BatchReject['code'], reason: error.message };
  }
}

/**
 * Stream and seq of what `decodeBatch` rejects, as far as they can be read: with them a batch that can never be stored is
 * acknowledged, else its gateway would send it for ever. null where the bytes do not say, or speak for another gateway.
 */
export function identityOf(bytes: Buffer, gateway: string): { readonly stream: string; readonly seq: number } | null {
  try {
    const parsed = identitySchema.safeParse(parseJson(unpackedOf(bytes).toString('utf8')));
    if (!parsed.success || parsed.data.gateway !== gateway) return null;
    return { stream: parsed.data.stream, seq: parsed.data.seq };
  } catch (error) {
    if (error instanceof FieldlineError) return null;
    throw error;
  }
}

function decode(bytes: Buffer, gateway: string, lists: TagLists | undefined): DecodedBatch {
  const unpacked = unpackedOf(bytes);
  return (
    (lists === undefined ? null : decodeCut(unpacked, gateway, lists)) ??
    decodeJson(parseJson(unpacked.toString('utf8')), gateway)
  );
}

/** The list of its tags apart from the rest. null where it does not stand as we write it. */
function decodeCut(unpacked: Buffer, gateway: string, lists: TagLists): DecodedBatch | null {
  const cut = cutTagList(unpacked);
  const json = cut === null ? null : parsedOrNull(cut.rest);
  if (cut === null || !isMarked(json)) return null;
  const known = lists.find(cut.list, gateway);
  if (known !== undefined) return decodeJson(Object.assign(json, { tags: known }), gateway, known);
  const tags = parsedOrNull(cut.list.toString('utf8'));
  if (tags === null) return null;
  const batch = decodeJson(Object.assign(json, { tags }), gateway);
  if (batch.tags.length > 0) lists.keep(cut.list, gateway, batch.tags);
  return batch;
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isMarked = (json: unknown): json is { readonly tags: typeof tagListMark } =>
  json !== null && typeof json === 'object' && 'tags' in json && json.tags === tagListMark;

/** `known`: the tags, where they have been checked before. */
function decodeJson(json: unknown, gateway: string, known?: readonly Tag[]): DecodedBatch {
  const version = (json as { v?: unknown } | null)?.v;
  if (typeof version === 'number' && version > batchVersion) {
    throw new FieldlineError(
      'batch/unsupported-version',
      `version ${version}; this reader knows up to ${batchVersion}`,
    );
  }
  if (!isKnownVersion(version)) {
    const found = version === undefined ? 'missing' : JSON.stringify(version);
    throw malformed(`v is ${found}; it must be ${batchVersion}, the version of the format, or an earlier one`);
  }
  const wire = wireBatchOf(json, gateway);
  if (wire.gateway !== gateway) {
    throw new FieldlineError('batch/foreign-gateway', `topic says ${gateway}, payload says ${wire.gateway}`);
  }
  // Of the whole stream, this batch included: with less the balance could not close, and nobody would know why.
  const sent = wire.x.length;
  if (wire.read < wire.filtered + sent)
    throw malformed(`read is ${wire.read}, less than filtered ${wire.filtered} + samples ${sent}`);
  const batch = batchOf(wire, known ?? wire.tags.flatMap(tagsOfRun));
  const { previous, thinned, class: tagClass } = wire;
  if (previous === undefined && thinned === undefined && tagClass === undefined) return batch;
  return {
    ...batch,
    ...(previous === undefined ? {} : { previous }),
    ...(thinned === undefined ? {} : { thinned }),
    ...(tagClass === undefined ? {} : { class: tagClass }),
  };
}

const isKnownVersion = (version: unknown): boolean =>
  typeof version === 'number' && Number.isInteger(version) && version >= 1 && version <= batchVersion;

function eachOnce(count: number): number[] {
  const indexes: number[] = [];
  for (let index = 0; index < count; index++) indexes.push(index);
  return indexes;
}

const malformed = (reason: string, cause?: unknown): FieldlineError =>
  new FieldlineError('batch/malformed', reason, { cause });

/** Valid until the next call. */
function unpackedOf(bytes: Buffer): Buffer {
  if (bytes.length > maxBatchBytes) {
    throw new FieldlineError('batch/too-large', `${bytes.length} bytes; the bound is ${maxBatchBytes}`);
  }
  try {
    return (isZstd(bytes) ? readFrame(bytes) : null) ?? unpackBatch(bytes);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new FieldlineError('batch/too-large', `more than ${maxDecodedBytes} bytes after decompression`, {
        cause: error,
      });
    }
    throw malformed(`the bytes cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function parseJson(text: string): unknown {
  try {
    return parsePayload(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * The JSON of a batch, decompressed if it is compressed.
 * @throws Error of zlib for bytes that are broken, or unpack to more than `maxDecodedBytes`
 */
export function unpackBatch(bytes: Buffer): Buffer {
  const options = { maxOutputLength: maxDecodedBytes };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, options);
  if (isZstd(bytes)) return zstdDecompressSync(bytes, options);
  return bytes;
}

const isZstd = (bytes: Buffer): boolean => bytes.length >= 4 && bytes.readUInt32LE(0) === 0xfd2f_b528;

/**
 * The columns of the wire become those of the batch, in place: nobody else has them, and copies are most of what a small batch
 * costs.
 */
function batchOf(wire: WireBatch, tags: readonly Tag[]): DecodedBatch {
  const { t0, t, x, q, i = eachOnce(tags.length) } = wire;
  const sent = i.length;
  if (t.length !== sent || x.length !== sent)
    throw malformed(`columns differ: i ${sent}, t ${t.length}, x ${x.length}`);
  if (sent > maxBatchSamples) throw malformed(`${sent} samples; the bound is ${maxBatchSamples}`);
  const quality = new Array<QualityCode>(sent).fill(0);
  for (const [position, code] of q) if (position < sent) quality[position] = code;
  const rejected: RejectedSample[] = [];
  let time = t0;
  let kept = 0;
  for (let position = 0; position < sent; position++) {
    const index = i[position];
    const tag = typeof index === 'number' ? tags[index] : undefined;
    if (tag === undefined) throw malformed(`sample ${position}: no tag ${JSON.stringify(index)}`);
    const delta = t[position];
    if (typeof delta !== 'number' || !Number.isSafeInteger(delta))
      throw malformed(`sample ${position}: t is not an integer`);
    time += delta;
    const code = quality[position] ?? 0;
    const value = typedValue(tag, x[position]);
    const reason = unfit(tag, value, code, time);
    if (reason !== null) {
      rejected.push({ position, code: 'sample/malformed', reason: `${tag.device}/${tag.tag}: ${reason}` });
      continue;
    }
    i[kept] = index;
    t[kept] = time;
    x[kept] = value;
    quality[kept] = code;
    kept += 1;
  }
  if (kept < sent) for (const column of [i, t, x, quality]) column.length = kept;
  return {
    gateway: wire.gateway,
    stream: wire.stream,
    seq: wire.seq,
    read: wire.read,
    filtered: wire.filtered,
    volatile: wire.volatile ?? false,
    declared: wire.declared ?? [],
    tags,
    sent,
    tagIndex: i as number[],
    time: t as Micros[],
    value: x as (Value | null)[],
    quality,
    rejected,
  };
}

/** By hand: there are up to as many tags as samples, and a schema takes ten times as long. */
function tagsOfRun(run: unknown, index: number): Tag[] {
  if (!Array.isArray(run) || run.length < 3 || run.length % 2 === 0) throw noTags(run, index);
  const [device] = run;
  const tags: Tag[] = [];
  for (let at = 1; at < run.length; at += 2) {
    const [tag, type] = [run[at], run[at + 1]];
    if (typeof device !== 'string' || !isId(device) || typeof tag !== 'string' || !isId(tag) || !isValueType(type)) {
      throw noTags(run, index);
    }
    tags.push({ device, tag, type });
  }
  return tags;
}

const noTags = (run: unknown, index: number): FieldlineError =>
  malformed(`tags[${index}] is ${JSON.stringify(run)}, not [device, tag, type, …]`);

const isValueType = (type: unknown): type is ValueType => valueTypes.includes(type as ValueType);

/** undefined for what is no value of the tag's type. */
function typedValue(tag: Tag, wire: unknown): Value | null | undefined {
  if (wire === null) return null;
  switch (tag.type) {
    case 'int64':
    case 'uint64':
      if (typeof wire === 'number' && Number.isSafeInteger(wire)) return BigInt(wire);
      return typeof wire === 'string' && /^-?\d{1,20}$/.test(wire) ? BigInt(wire) : undefined;
    case 'float32':
      return typeof wire === 'number' ? Math.fround(wire) : undefined;
    default:
      return typeof wire === 'number' || typeof wire === 'boolean' || typeof wire === 'string' ? wire : undefined;
  }
}

function unfit(tag: Tag, value: Value | null | undefined, quality: QualityCode, time: Micros): string | null {
  if (value === undefined) return `the value is not of type ${tag.type}`;
  if (value === null) return qualityClass(quality) === 'bad' ? null : `no value, but quality ${quality}`;
  if (qualityClass(quality) === 'bad') return `bad quality ${quality}, but a value`;
  if (!fitsType(tag.type, value)) return `the value does not fit ${tag.type}`;
  if (typeof value === 'string' && value.includes('\u0000')) return 'PostgreSQL text cannot hold U+0000';
  if (!Number.isSafeInteger(time)) return 'the time is not a number of microseconds';
  return null;
}
