/**
 * The file of the embedded log: one SQLite database for all topics, owned by one process.
 *
 * - Each partition of each topic has a slot; the row id of a record is slot × 2^40 + offset, so that a partition is one
 *   range of the table and needs no index.
 * - Offsets of a partition have no holes: `oldest` … `next` − 1 are there. `next` is kept beside the records, so that it
 *   survives when retention empties a partition.
 * - Records, `oldest`, `next` and `bytes` change in one transaction, flushed to the medium (synchronous FULL) before
 *   `append` returns.
 * - Beyond `retentionBytes` the oldest records of the file are deleted, whoever still wants them. The file itself does not
 *   shrink: its free pages are used again.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { type Clock, makeFolder } from '@fieldline/shared/runtime';
import Database from 'better-sqlite3';
import type { BackboneRecord, RecordHeaders } from '../backbone.ts';
import type { PartitionEntries } from '../group-commit.ts';
import type { Bounds } from '../start-at.ts';
import { openError, writeError } from './log-file-error.ts';

export type EmbeddedConfig = Extract<BackboneConfig, { kind: 'embedded' }>;

const offsetsPerSlot = 2 ** 40;
const formatVersion = 1;
/** Counted per record besides its bytes: what SQLite needs for the row. */
const rowOverheadBytes = 32;
/** Records looked at in one step of retention. */
const trimRows = 64;
/** The write-ahead file is cut back to this after a burst. */
const walBytes = 64 * 1024 ** 2;

const schema = `
  CREATE TABLE log (identity TEXT NOT NULL);
  CREATE TABLE slot (
    slot INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    oldest INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL, UNIQUE (topic, partition)
  );
  CREATE TABLE record (
    id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL
  );
`;

type Slot = { slot: number; topic: string; partition: number; oldest: number; next: number; bytes: number };
type Row = { id: number; time_ms: number; key: string; headers: string; value: Buffer };

export class LogFile {
  readonly identity: string;
  private readonly database: Database.Database;
  private readonly retentionBytes: number;
  private readonly clock: Clock;
  private slots: Slot[] = [];
  private readonly statements: ReturnType<typeof prepare>;

  /** @throws FieldlineError backbone/unreachable */
  static open(config: EmbeddedConfig, clock: Clock): LogFile {
    const file = join(config.folder, 'log.db');
    let database: Database.Database | undefined;
    try {
      makeFolder(config.folder);
      database = new Database(file, { timeout: 0 });
      return new LogFile(own(database), config, clock);
    } catch (error) {
      database?.close();
      throw openError(error, file);
    }
  }

  private constructor(database: Database.Database, config: EmbeddedConfig, clock: Clock) {
    this.database = database;
    this.retentionBytes = config.retentionBytes;
    this.clock = clock;
    this.statements = prepare(database);
    this.identity = String(database.prepare('SELECT identity FROM log').pluck().get());
    this.loadSlots();
  }

  partitionsOf(topic: string): number {
    return this.slots.filter((slot) => slot.topic === topic).length;
  }

  /** A topic that is there keeps the partitions that it has. */
  ensureTopic(topic: string, partitions: number): void {
    if (this.partitionsOf(topic) > 0) return;
    this.database.transaction(() => {
      for (let partition = 0; partition < partitions; partition++) {
        this.statements.addSlot.run(this.slots.length + partition, topic, partition);
      }
    })();
    this.loadSlots();
  }

  /** @throws FieldlineError backbone/unreachable when the medium is full or failing; nothing is written then */
  append(parts: readonly PartitionEntries[]): void {
    try {
      this.database.transaction(() => {
        const timeMs = Math.floor(this.clock.now() / 1_000);
        const touched = new Set<Slot>();
        for (const { topic, partition, entries } of parts) {
          const slot = this.slotOf(topic, partition);
          for (const { record, bytes } of entries) {
            const id = slot.slot * offsetsPerSlot + slot.next;
            this.statements.insert.run(id, timeMs, record.key, JSON.stringify(record.headers), record.value);
            slot.next += 1;
            slot.bytes += bytes + rowOverheadBytes;
          }
          touched.add(slot);
        }
        this.trim(touched);
        for (const slot of touched) this.statements.updateSlot.run(slot);
      })();
    } catch (error) {
      this.loadSlots();
      throw writeError(error, this.database.name);
    }
  }

  /** Records from an offset on, at least one where there is one. */
  read(topic: string, partition: number, from: number, maxBytes: number): BackboneRecord[] {
    const slot = this.slotOf(topic, partition);
    const first = slot.slot * offsetsPerSlot;
    const records: BackboneRecord[] = [];
    let bytes = 0;
    const rows = this.statements.read.iterate(first + Math.max(from, slot.oldest), first + slot.next);
    for (const row of rows) {
      bytes += row.value.length;
      if (records.length > 0 && bytes > maxBytes) break;
      const headers: RecordHeaders = JSON.parse(row.headers);
      records.push({
        partition,
        offset: row.id - first,
        timestampMs: row.time_ms,
        key: row.key,
        headers,
        value: row.value,
      });
    }
    return records;
  }

  bounds(topic: string): Bounds[] {
    return this.slots
      .filter((slot) => slot.topic === topic)
      .map(({ partition, oldest, next }) => ({ partition, oldest, next }));
  }

  close(): void {
    this.database.close();
  }

  private slotOf(topic: string, partition: number): Slot {
    const slot = this.slots.find((each) => each.topic === topic && each.partition === partition);
    if (slot === undefined) throw new RangeError(`no partition ${partition} of ${topic}: ensureTopic comes first`);
    return slot;
  }

  private loadSlots(): void {
    this.slots = this.statements.slots.all();
  }

  private trim(touched: Set<Slot>): void {
    let excess = this.slots.reduce((sum, slot) => sum + slot.bytes, 0) - this.retentionBytes;
    while (excess > 0) {
      const slot = this.slotWithOldestRecord();
      if (slot === undefined) return;
      const first = slot.slot * offsetsPerSlot;
      for (const row of this.statements.sizes.all(first + slot.oldest, first + slot.next, trimRows)) {
        const freed = row.bytes + rowOverheadBytes;
        this.statements.remove.run(row.id);
        slot.oldest += 1;
        slot.bytes -= freed;
        excess -= freed;
        if (excess <= 0) break;
      }
      touched.add(slot);
    }
  }

  private slotWithOldestRecord(): Slot | undefined {
    let found: Slot | undefined;
    let foundMs = Number.POSITIVE_INFINITY;
    for (const slot of this.slots) {
      const row = this.statements.timeOf.get(slot.slot * offsetsPerSlot + slot.oldest);
      if (row !== undefined && row.time_ms < foundMs) {
        found = slot;
        foundMs = row.time_ms;
      }
    }
    return found;
  }
}

/** Takes the file for this process alone (the lock lasts until it is closed) and makes the tables of a new one. */
function own(database: Database.Database): Database.Database {
  database.pragma('locking_mode = EXCLUSIVE');
  database.pragma('page_size = 16384');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma(`journal_size_limit = ${walBytes}`);
  database.exec('BEGIN EXCLUSIVE; COMMIT');
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version > formatVersion) {
    throw new RangeError(`it was written by a newer version of this program (format ${version})`);
  }
  if (version === 0) {
    database.transaction(() => {
      database.exec(schema);
      database.prepare('INSERT INTO log (identity) VALUES (?)').run(randomUUID());
      database.pragma(`user_version = ${formatVersion}`);
    })();
  }
  return database;
}

const prepare = (database: Database.Database) => ({
  slots: database.prepare<[], Slot>('SELECT * FROM slot ORDER BY slot'),
  addSlot: database.prepare<[number, string, number]>('INSERT INTO slot VALUES (?, ?, ?, 0, 0, 0)'),
  updateSlot: database.prepare<[Slot]>(
    'UPDATE slot SET oldest = @oldest, next = @next, bytes = @bytes WHERE slot = @slot',
  ),
  insert: database.prepare<[number, number, string, string, Buffer]>('INSERT INTO record VALUES (?, ?, ?, ?, ?)'),
  read: database.prepare<[number, number], Row>('SELECT * FROM record WHERE id >= ? AND id < ? ORDER BY id'),
  timeOf: database.prepare<[number], { time_ms: number }>('SELECT time_ms FROM record WHERE id = ?'),
  sizes: database.prepare<[number, number, number], { id: number; bytes: number }>(
    'SELECT id, octet_length(key) + octet_length(headers) + octet_length(value) AS bytes FROM record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
  ),
  remove: database.prepare<[number]>('DELETE FROM record WHERE id = ?'),
});
