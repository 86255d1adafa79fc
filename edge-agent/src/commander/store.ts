/**
 * What the gateway remembers of commands, so that none is carried out twice. Invariants:
 *
 * - A command is noted, forced to the medium, before its write goes out. Noted without an answer: it may have been written or not.
 * - An id is forgotten only after its command has expired, and the latest expiry of what was forgotten is kept: a command that is not
 *   known and expires no later is refused. So a copy is known, or has expired, however often the file was cleared for room.
 * - What was not handed to the journal is not forgotten either.
 * - The file has its name only when it is complete. So one that is empty or cut off has lost what it remembered, and is not taken for
 *   a new one.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type AnswerMessage,
  answerSchema,
  type CommandMessage,
  commandSchema,
  type Micros,
} from '@fieldline/shared/contracts';
import { makeFolder } from '@fieldline/shared/runtime';
import Database from 'better-sqlite3';
import { z } from 'zod';

/** One that was noted; `answer` is null until it has one. */
export type Remembered = {
  readonly command: CommandMessage;
  /** Read right before the write. */
  readonly before: AnswerMessage['before'];
  readonly answer: AnswerMessage | null;
};

/** The newest that a tag was told, so that one that comes too soon after a restart is known as that. */
export type Told = { readonly device: string; readonly tag: string; readonly at: Micros };

const schema = `
  CREATE TABLE commands (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, command TEXT NOT NULL, expires INTEGER NOT NULL,
    before TEXT NOT NULL, answer TEXT, journalled INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE forgotten (expires INTEGER NOT NULL) STRICT;
  INSERT INTO forgotten VALUES (0);`;
const tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('commands', 'forgotten')";

/** Of one without an answer it is not known when it was written: now, at worst. What was refused never went to the device. */
const newestOfEachTag = `
  SELECT json_extract(command, '$.device') AS device, json_extract(command, '$.tag') AS tag,
    max(coalesce(json_extract(answer, '$.at'), @now)) AS at
  FROM commands WHERE answer IS NULL OR json_extract(answer, '$.outcome') <> 'refused' GROUP BY 1, 2`;
const told = z.object({ device: z.string(), tag: z.string(), at: z.int() });

const row = z.object({ command: z.string(), before: z.string(), answer: z.string().nullable() });
const before = answerSchema.shape.before;

export class CommandStore {
  private readonly database: Database.Database;
  private readonly maxRemembered: number;
  private readonly statements;

  private constructor(database: Database.Database, maxRemembered: number) {
    this.database = database;
    this.maxRemembered = maxRemembered;
    const columns = 'command, before, answer';
    this.statements = {
      find: database.prepare(`SELECT ${columns} FROM commands WHERE id = ?`),
      unanswered: database.prepare(`SELECT ${columns} FROM commands WHERE answer IS NULL ORDER BY number`),
      unjournalled: database.prepare(
        `SELECT ${columns} FROM commands WHERE answer IS NOT NULL AND journalled = 0 ORDER BY number`,
      ),
      told: database.prepare(newestOfEachTag),
      insert: database.prepare('INSERT INTO commands (id, command, expires, before, answer) VALUES (?, ?, ?, ?, ?)'),
      answer: database.prepare('UPDATE commands SET answer = ? WHERE id = ?'),
      journalled: database.prepare('UPDATE commands SET journalled = 1 WHERE id = ?'),
      count: database.prepare('SELECT count(*) FROM commands').pluck(),
      oldest: database.prepare(
        'SELECT number, expires FROM commands WHERE expires < ? AND journalled = 1 ORDER BY number LIMIT 1',
      ),
      remove: database.prepare('DELETE FROM commands WHERE number = ?'),
      forgotten: database.prepare('SELECT max(expires) FROM forgotten').pluck(),
      forget: database.prepare('UPDATE forgotten SET expires = max(expires, ?)'),
    };
  }

  /** @throws SqliteError or a system error where the file cannot be opened, made or read */
  static open(file: string, maxRemembered: number): CommandStore {
    makeFolder(dirname(file), 0o750);
    if (statSync(file, { throwIfNoEntry: false }) === undefined) makeEmpty(file);
    const database = new Database(file, { fileMustExist: true });
    try {
      if (database.prepare(tables).pluck().get() !== 2)
        throw new Error('it is empty or cut off: what it remembered is lost');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      return new CommandStore(database, maxRemembered);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  find(id: string): Remembered | null {
    const found = this.statements.find.get(id);
    return found === undefined ? null : rememberedOf(found);
  }

  /** Whether a command that is not known may be a copy of one that was forgotten. */
  mayBeForgotten(expires: Micros): boolean {
    return expires <= Number(this.statements.forgotten.get());
  }

  /** Durable when it returns. `knownUntil`: it is not forgotten before, which is when it expires. False: there is no room, since too many have not expired. */
  note({ command, before, answer }: Remembered, knownUntil: Micros, now: Micros): boolean {
    return this.database.transaction(() => {
      if (!this.makeRoom(now)) return false;
      const end = answer === null ? null : JSON.stringify(answer);
      this.statements.insert.run(command.id, JSON.stringify(command), knownUntil, JSON.stringify(before), end);
      return true;
    })();
  }

  /** False where it was not noted here. */
  answered(answer: AnswerMessage): boolean {
    return this.statements.answer.run(JSON.stringify(answer), answer.id).changes > 0;
  }

  /** In the order in which they came. */
  unanswered(): Remembered[] {
    return this.statements.unanswered.all().map(rememberedOf);
  }

  /** Those whose answers the journal may not have. */
  unjournalled(): Remembered[] {
    return this.statements.unjournalled.all().map(rememberedOf);
  }

  told(now: Micros): Told[] {
    return this.statements.told.all({ now }).map((found) => told.parse(found));
  }

  journalled(ids: readonly string[]): void {
    this.database.transaction(() => {
      for (const id of ids) this.statements.journalled.run(id);
    })();
  }

  close(): void {
    this.database.close();
  }

  private makeRoom(now: Micros): boolean {
    for (let count = Number(this.statements.count.get()); count >= this.maxRemembered; count--) {
      const oldest = this.statements.oldest.get(now);
      if (oldest === undefined) return false;
      const { number, expires } = z.object({ number: z.int(), expires: z.int() }).parse(oldest);
      this.statements.remove.run(number);
      this.statements.forget.run(expires);
    }
    return true;
  }
}

/** Whether the file has to be opened anew: what is read of it cannot be relied on. */
export const isBroken = (error: unknown): boolean =>
  error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|IOERR_(SHORT_)?READ)/.test(error.code);

/** @throws SqliteError or a system error; then there is no file of this name */
function makeEmpty(file: string): void {
  const unnamed = `${file}.new`;
  for (const left of [unnamed, `${unnamed}-journal`]) rmSync(left, { force: true });
  const database = new Database(unnamed);
  try {
    database.pragma('synchronous = FULL');
    database.exec(`BEGIN; ${schema} COMMIT;`);
  } finally {
    database.close();
  }
  // Of a file that was deleted: SQLite would take its log for one of the new file.
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(`${file}${suffix}`, { force: true });
  renameSync(unnamed, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function rememberedOf(found: unknown): Remembered {
  const { command, before: held, answer } = row.parse(found);
  return {
    command: commandSchema.parse(JSON.parse(command)),
    before: before.parse(JSON.parse(held)),
    answer: answer === null ? null : answerSchema.parse(JSON.parse(answer)),
  };
}
