import type { Migration } from './migration.ts';

/** What became of a dead letter after it was written. */
export const deadLetters: Migration = {
  version: 5,
  name: 'dead letters',
  statements: () => [
    `ALTER TABLE dead_letter
       ADD COLUMN written_at timestamptz NOT NULL DEFAULT now(),
       ADD COLUMN attempts int4 NOT NULL DEFAULT 0,
       ADD COLUMN attempted_at timestamptz,
       -- Of a letter about samples: the positions that are rows by now.
       ADD COLUMN redriven int8multirange NOT NULL DEFAULT '{}',
       -- When nothing of it was dead any more.
       ADD COLUMN redriven_at timestamptz,
       ADD COLUMN mirrored_at timestamptz`,
    'CREATE INDEX dead_letter_written ON dead_letter (written_at)',
    'CREATE INDEX dead_letter_code ON dead_letter (code, id) INCLUDE (redriven_at)',
    // A transaction that began earlier may commit later: what is to be mirrored is told by the row, not by a position.
    'CREATE INDEX dead_letter_unmirrored ON dead_letter (id) WHERE mirrored_at IS NULL',
  ],
};
