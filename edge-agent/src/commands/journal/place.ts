import { statSync } from 'node:fs';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { FieldlineError } from '@fieldline/shared/contracts';
import { FolderReader } from '../../journal/reader/folder-reader.ts';
import type { JournalBounds } from './hours-left.ts';

/** Which journal a command reads, and what is known of it beside its files. */
export type Place = {
  readonly folder: string;
  /** null where only the folder was named, as of a card without its settings file. */
  readonly settings: (Pick<EdgeConfig, 'gateway'> & JournalBounds) | null;
};

/** @throws FieldlineError journal/unreadable, also where there is no such folder */
export function openPlace(folder: string): FolderReader {
  if (statSync(folder, { throwIfNoEntry: false })?.isFile() === true) {
    throw new FieldlineError(
      'journal/unreadable',
      `${folder} is a file: name the folder that the journal files are in`,
    );
  }
  const reader = FolderReader.open(folder);
  if (reader !== null) return reader;
  throw new FieldlineError(
    'journal/unreadable',
    `the journal folder ${folder} does not exist: name the one that the settings of the agent say (journal.folder), or start the agent, which makes it`,
  );
}

/** Of a folder without a file of one: it may have been mistyped. */
export const noJournalInWords = (folder: string): string =>
  `there is no journal in ${folder}: no agent has written there yet, somebody has emptied it, or it is not the folder that the settings of the agent say (journal.folder)`;

/** @throws FieldlineError journal/unreadable, also where no file of a journal is in the folder */
export function openJournalPlace(folder: string): FolderReader {
  const reader = openPlace(folder);
  if (reader.isJournal) return reader;
  reader.close();
  throw new FieldlineError('journal/unreadable', noJournalInWords(folder));
}
