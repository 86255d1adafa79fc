import { join } from 'node:path';
import { SampleColumns } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { NewBatch } from '../../src/journal/batches.ts';
import { StreamWriter } from '../../src/journal/stream-writer.ts';
import { damage } from '../helpers/damage.ts';
import { segmentFiles } from '../helpers/folder.ts';
import { allBatches, handClock, openJournal, samplesOf, testGateway } from '../helpers/journal.ts';

const schemaOfFormatOne = `
  PRAGMA page_size = 1024;
  CREATE TABLE segment (gateway TEXT NOT NULL, opened_at INTEGER NOT NULL, volatile INTEGER NOT NULL) STRICT;
  CREATE TABLE batch (
    seq INTEGER PRIMARY KEY, samples_through INTEGER NOT NULL, encoded_at INTEGER NOT NULL, declared TEXT, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX declaring ON batch (seq) WHERE declared IS NOT NULL;
  CREATE TABLE note (only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL) STRICT;
  PRAGMA user_version = 1;
`;

/** A file as the first version of the agent left it: rows and note without checksums. */
function oldFile(folder: string): { readonly stream: string; readonly batches: readonly NewBatch[] } {
  const stream = crypto.randomUUID();
  const head = { gateway: testGateway, stream, previous: null, volatile: false, class: 'process' as const };
  const writer = new StreamWriter(head, { compression: 'none', maxBatchBytes: 100_000 });
  const now = handClock().now();
  const batches = Array.from({ length: 20 }, () => writer.encode(SampleColumns.of(samplesOf(300)), [], 0, now))
    .flat()
    .map(({ batch }) => batch);
  const database = new Database(join(folder, `00000001.${stream}.1.segment`));
  database.exec(schemaOfFormatOne);
  database.prepare('INSERT INTO segment VALUES (?, ?, 0)').run(testGateway, now);
  const insert = database.prepare('INSERT INTO batch VALUES (?, ?, ?, NULL, ?)');
  for (const { seq, bytes } of batches) insert.run(seq, seq * 300, now, bytes);
  const note = { closed: true, incarnation: 'database-1', confirmed: [[stream, [[3, 4]]]] };
  database.prepare('INSERT INTO note VALUES (1, ?)').run(JSON.stringify(note));
  database.close();
  return { stream, batches };
}

describe('a file of the first format', () => {
  it('is read with its note', () => {
    const folder = temporaryFolder();
    const { stream, batches } = oldFile(folder);
    const journal = openJournal(folder);
    expect(journal.streams()[0]).toEqual({ stream, class: 'process', last: 20, held: [[1, 20]], confirmed: [[3, 4]] });
    expect(journal.incarnation).toBe('database-1');
    for (const { seq, bytes, samples } of batches)
      expect(journal.read(stream, seq)).toEqual({ stream, seq, samples, bytes });
    expect(allBatches(journal).at(-1)).toMatchObject({ previous: { stream, lastSeq: 20 }, declared: [] });
    journal.close();
  });

  it('is salvaged where it is damaged: a batch proves itself by what it says', () => {
    const folder = temporaryFolder();
    const { stream, batches } = oldFile(folder);
    damage(join(folder, segmentFiles(folder)[0] ?? ''), { do: 'zero', at: 0, pages: 1 });
    damage(join(folder, segmentFiles(folder)[0] ?? ''), { do: 'zero', at: 0.5, pages: 4 });
    const journal = openJournal(folder);
    const held = journal.streams()[0]?.held ?? [];
    expect(held).toHaveLength(2);
    for (const { seq, bytes } of batches) {
      const batch = journal.read(stream, seq);
      if (batch !== null) expect(batch.bytes).toEqual(bytes);
    }
    expect(
      allBatches(journal)
        .at(-1)
        ?.declared.filter(({ kind }) => kind === 'batches'),
    ).toEqual([
      {
        kind: 'batches',
        stream,
        from: (held[0]?.[1] ?? 0) + 1,
        to: (held[1]?.[0] ?? 0) - 1,
        samples: ((held[1]?.[0] ?? 0) - (held[0]?.[1] ?? 0) - 1) * 300,
        reason: 'journal-damaged',
      },
    ]);
    journal.close();
  });
});
