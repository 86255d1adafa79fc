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
  if (![tags, t, x].every(Array.isArray)) return [];
  const [series, deltas, values] = [listOf(tags).flatMap(seriesOf), listOf(t), listOf(x)];
  // Without an index, each series has one sample.
  const index = i === undefined ? [...series.keys()] : listOf(i);
  const qualities = new Map(listOf(q).flatMap((pair) => (Array.isArray(pair) ? [[pair[0], pair[1]]] : [])));
  const samples: PeekedSample[] = [];
  let time = typeof t0 === 'number' ? t0 : Number.NaN;
  for (let position = 0; position < values.length && samples.length < limit; position++) {
    time += Number(deltas[position]);
    if (!hasNumber(positions, position)) continue;
    const [name, type] = series[Number(index[position])] ?? [];
    const code = qualities.get(position) ?? 0;
    samples.push({
      position,
      name: name ?? '?',
      type: String(type ?? '?'),
      time: Number.isSafeInteger(time) ? time : null,
      value: JSON.stringify(values[position]) ?? '?',
      quality: isQualityCode(code) ? qualityName(code) : String(code),
    });
  }
  return samples;
}

/** Name and type of each in a run: device, tag, type, tag, type, … */
function seriesOf(run: unknown): [string, unknown][] {
  const [device, ...pairs] = listOf(run);
  return pairs.flatMap((tag, at): [string, unknown][] => (at % 2 === 0 ? [[`${device}/${tag}`, pairs[at + 1]]] : []));
}

/** Head of a batch, without its columns; the whole of anything else. */
export function headOf(json: unknown): unknown {
  if (!isObject(json)) return json;
  const { tags, i, t, x, q, ...head } = json;
  if (![tags, t, x].every(Array.isArray)) return json;
  return { ...head, tags: listOf(tags).flatMap(seriesOf).length, samples: listOf(x).length };
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const listOf = (data: unknown): unknown[] => (Array.isArray(data) ? data : []);
