/**
 * What a gateway published, from its own journal, held against the rows batch by batch: the set of samples in the table must be
 * the set published, each once. The agent keeps what is confirmed for long enough (`journal.keepConfirmedForMs`).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DecodedBatch, decodeBatch, type Value } from '@fieldline/shared/contracts';
import Database from 'better-sqlite3';
import pg from 'pg';
import { z } from 'zod';
import { parseSegmentFile } from '../../../edge-agent/src/journal/segment-name.ts';

const rowsOfSegment = z.array(z.object({ seq: z.int(), bytes: z.instanceof(Buffer) }));

/** Every batch in the journal of an agent that has ended. */
export function publishedBatches(journalFolder: string, gateway: string): DecodedBatch[] {
  const batches: DecodedBatch[] = [];
  for (const file of readdirSync(journalFolder)) {
    if (parseSegmentFile(file) === null) continue;
    const database = new Database(join(journalFolder, file), { readonly: true });
    try {
      for (const { seq, bytes } of rowsOfSegment.parse(database.prepare('SELECT seq, bytes FROM batch').all())) {
        const decoded = decodeBatch(bytes, gateway);
        if (!decoded.ok) throw new Error(`batch ${seq} of ${file} cannot be read: ${decoded.reason}`);
        batches.push(decoded.batch);
      }
    } finally {
      database.close();
    }
  }
  return batches;
}

export type Difference = {
  readonly gateway: string;
  readonly sample: string;
  readonly published: number;
  readonly stored: number;
};
export type PublishedVerdict = {
  readonly samples: number;
  readonly rows: number;
  /** Samples that are not in the table exactly as often as they were published. */
  readonly differences: readonly Difference[];
};

const sampleName = (
  stream: string,
  seq: number,
  device: string,
  tag: string,
  time: number,
  value: string,
  quality: number,
) => `${stream}/${seq} ${device}/${tag} at ${time} = ${value} (${quality})`;

export async function comparePublished(
  databaseUrl: string,
  gateway: string,
  batches: readonly DecodedBatch[],
): Promise<PublishedVerdict> {
  const counts = new Map<string, { published: number; stored: number }>();
  const count = (name: string, side: 'published' | 'stored'): void => {
    const entry = counts.get(name) ?? { published: 0, stored: 0 };
    entry[side] += 1;
    counts.set(name, entry);
  };
  let samples = 0;
  for (const { stream, seq, tags, tagIndex, time, value, quality } of batches) {
    for (const [position, at] of time.entries()) {
      const tag = tags[tagIndex[position] ?? -1];
      if (tag === undefined) throw new Error(`sample ${position} of batch ${seq} has no tag`);
      count(
        sampleName(stream, seq, tag.device, tag.tag, at, textOf(value[position] ?? null), quality[position] ?? 0),
        'published',
      );
      samples += 1;
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<StoredRow>(storedRows, [gateway]);
    for (const row of rows) {
      const value = row.text ?? (row.value === null ? 'none' : String(row.value));
      count(sampleName(row.stream, row.seq, row.device, row.tag, Number(row.micros), value, row.quality), 'stored');
    }
    const differences = [...counts]
      .filter(([, { published, stored }]) => published !== stored)
      .map(([sample, sides]) => ({ gateway, sample, ...sides }));
    return { samples, rows: rows.length, differences };
  } finally {
    await client.end();
  }
}

type StoredRow = {
  readonly stream: string;
  readonly seq: number;
  readonly device: string;
  readonly tag: string;
  readonly micros: string;
  readonly value: number | null;
  readonly text: string | null;
  readonly quality: number;
};

const storedRows = `SELECT stream.stream, (batch & 4294967295)::int AS seq, device, tag,
    (extract(epoch FROM time) * 1000000)::int8 AS micros, value, text, quality
  FROM fieldline.sample JOIN fieldline.series USING (series_id)
    JOIN fieldline.stream ON stream.stream_no = (batch >> 32)::int4
  WHERE series.gateway = $1`;

/** As the table has it: flags as 0 and 1, 64-bit integers beyond float8 as text. */
function textOf(value: Value | null): string {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? '1' : '0';
  // The table has no negative zero.
  return Object.is(value, -0) ? '0' : String(value);
}
