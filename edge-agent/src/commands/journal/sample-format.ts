/**
 * The lines of an export. A 64-bit integer keeps all its digits (in NDJSON as text, as not every reader of JSON does), times
 * their microseconds, and a bad sample says why it has no value.
 */
import { type DecodedBatch, isoOf, qualityName, type Tag, type Value } from '@fieldline/shared/contracts';

export const exportFormats = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof exportFormats)[number];
export type SampleFormat = {
  readonly header: string;
  /** The samples of a batch that the filter passes, with their line ends. */
  readonly lines: (batch: DecodedBatch, passes: (time: number) => boolean) => { text: string; samples: number };
};

const columns = ['gateway', 'device', 'tag', 'type', 'time', 'value', 'quality', 'stream', 'seq'];

type Row = { readonly tag: Tag; readonly time: string; readonly value: Value | null; readonly quality: string };

function rowsOf({ tags, tagIndex, time, value, quality }: DecodedBatch, passes: (time: number) => boolean): Row[] {
  return time.flatMap((at, index) => {
    const tag = tags[tagIndex[index] ?? -1];
    if (tag === undefined || !passes(at)) return [];
    return [{ tag, time: isoOf(at), value: value[index] ?? null, quality: qualityName(quality[index] ?? 0) }];
  });
}

const formatOf = (header: string, line: (row: Row, batch: DecodedBatch) => string): SampleFormat => ({
  header,
  lines: (batch, passes) => {
    const rows = rowsOf(batch, passes);
    return { text: rows.map((row) => line(row, batch)).join(''), samples: rows.length };
  },
});

export const sampleFormats: Readonly<Record<ExportFormat, SampleFormat>> = {
  ndjson: formatOf('', ({ tag: { device, tag, type }, time, value, quality }, { gateway, stream, seq }) => {
    const exact = typeof value === 'bigint' ? value.toString() : value;
    return `${JSON.stringify({ gateway, device, tag, type, time, value: exact, quality, stream, seq })}\n`;
  }),
  csv: formatOf(
    `${columns.join(',')}\r\n`,
    ({ tag: { device, tag, type }, time, value, quality }, { gateway, stream, seq }) =>
      `${[gateway, device, tag, type, time, value === null ? '' : String(value), quality, stream, seq].map(quoted).join(',')}\r\n`,
  ),
};

/** RFC 4180, 2.5–2.7. */
const quoted = (field: string | number): string => {
  const text = String(field);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
