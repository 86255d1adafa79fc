/** What is wrong with the files of a journal whose agent has ended, by SQLite's own word. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { isDamagedFile, parseSegmentFile } from '../../../edge-agent/src/journal/segment-name.ts';

export type Integrity = { readonly files: number; readonly findings: readonly string[] };

export function checkIntegrity(journalFolder: string): Integrity {
  const names = readdirSync(journalFolder);
  const segments = names.filter((name) => parseSegmentFile(name) !== null);
  const broken = segments.flatMap((name) => {
    const verdict = integrityOf(join(journalFolder, name));
    return verdict === 'ok' ? [] : [`${name}: integrity check: ${verdict}`];
  });
  const aside = names.filter(isDamagedFile).map((name) => `${name} was set aside, and nobody damaged it`);
  return { files: segments.length, findings: [...broken, ...aside] };
}

function integrityOf(file: string): string {
  try {
    const database = new Database(file, { readonly: true });
    try {
      return String(database.pragma('integrity_check', { simple: true }));
    } finally {
      database.close();
    }
  } catch (error) {
    return String(error);
  }
}
