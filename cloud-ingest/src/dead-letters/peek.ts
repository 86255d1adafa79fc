/**
 * What can be told of the bytes of a letter, whatever is wrong with them: no schema is asked, since the bytes may be broken,
 * or newer than this program.
 */
import { hasNumber, isQualityCode, qualityName, type Ranges, unpackBatch } from '@fieldline/shared/contracts';

export type Peek =
  | { readonly kind: 'json'; readonly json: unknown; readonly unpackedBytes: number }
  | { readonly kind: 'bytes'; readonly why: string };

export function peek(bytes: Buffer): Peek {
  try {
    const unpacked = unpackBatch(bytes);
    return { kind: 'json', json: JSON.parse(unpacked.toString('utf8')), unpackedBytes: unpacked.length };
  } catch (error) {
    return { kind: 'bytes', why: error instanceof Error ? error.message : String(error) };
  }
}

export type PeekedSample = {
  readonly position: number;
  readonly name: string;
  readonly type: string;
  /** µs since 1970 UTC; null where the bytes do not say. */
  readonly time: number | null;
  readonly value: string;
  readonly quality: string;
};

/** At most `limit` samples of a batch in the native format, as the bytes have them; empty for anything else. */
export function samplesAt(json: unknown, positions: Ranges, limit: number): PeekedSample[] {
  const { tags, i, t, x, q, t0 } = isObject(json) ? json : {};
  if (![tags, i, t, x].every(Array.isArray)) return [];
  const [tagList, index, deltas, values] = [tags, i, t, x].map(listOf) as [unknown[], unknown[], unknown[], unknown[]];
  const qualities = new Map(listOf(q).flatMap((pair) => (Array.isArray(pair) ? [[pair[0], pair[1]]] : [])));
  const samples: PeekedSample[] = [];
  let time = typeof t0 === 'number' ? t0 : Number.NaN;
  for (let position = 0; position < index.length && samples.length < limit; position++) {
    time += Number(deltas[position]);
    if (!hasNumber(positions, position)) continue;
    const [device, tag, type] = listOf(tagList[Number(index[position])]);
    const code = qualities.get(position) ?? 0;
    samples.push({
      position,
      name: device === undefined ? '?' : `${device}/${tag}`,
      type: String(type ?? '?'),
      time: Number.isSafeInteger(time) ? time : null,
      value: JSON.stringify(values[position]) ?? '?',
      quality: isQualityCode(code) ? qualityName(code) : String(code),
    });
  }
  return samples;
}

/** Head of a batch, without its columns; the whole of anything else. */
export function headOf(json: unknown): unknown {
  if (!isObject(json)) return json;
  const { tags, i, t, x, q, ...head } = json;
  if (![tags, i, t, x].every(Array.isArray)) return json;
  return { ...head, tags: listOf(tags).length, samples: listOf(i).length };
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const listOf = (data: unknown): unknown[] => (Array.isArray(data) ? data : []);
