/** The batches of a sealed segment, read beside whoever else reads it. */
import { type DecodedBatch, decodeBatch } from '@fieldline/shared/contracts';
import type Database from 'better-sqlite3';
import type { Segment } from '../segment.ts';
import { openFolded } from '../segment-database.ts';
import { type Row, Rows, readNote } from '../segment-rows.ts';
import { GiveUp } from './give-up.ts';

export type SourceBatch = { readonly row: Row; readonly batch: DecodedBatch };

export class BatchSource {
  readonly note: string | null;
  private readonly gateway: string;
  private readonly database: Database.Database;
  private readonly rows: Rows;

  /** @throws SqliteError, or what the schema says of a damaged note */
  constructor({ file, name, head }: Segment) {
    this.gateway = head.gateway;
    this.database = openFolded(file);
    try {
      this.rows = new Rows(name.stream, this.database);
      this.note = readNote(this.database);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** @throws GiveUp where it is not as we write it */
  read(seq: number): SourceBatch {
    const row = this.row(seq);
    const result = decodeBatch(row.bytes, this.gateway);
    if (!result.ok) throw new GiveUp(`batch ${seq}: ${result.reason}`);
    const [rejected] = result.batch.rejected;
    if (rejected !== undefined) throw new GiveUp(`batch ${seq}: ${rejected.reason}`);
    return { row, batch: result.batch };
  }

  close(): void {
    this.database.close();
  }

  private row(seq: number): Row {
    try {
      return this.rows.row(seq);
    } catch (error) {
      throw new GiveUp(`batch ${seq} cannot be read`, { cause: error });
    }
  }
}
