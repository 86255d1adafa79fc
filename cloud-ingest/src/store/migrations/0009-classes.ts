import type { Migration } from './migration.ts';

/** What few batches change: ledger/stream-traits.ts. Rows from before have the values of agents that knew no classes. */
export const classes: Migration = {
  version: 9,
  name: 'classes',
  statements: () => [
    `ALTER TABLE stream
       ADD COLUMN class text NOT NULL DEFAULT 'process',
       -- Batches that may not be in the journal of their gateway.
       ADD COLUMN volatile int8multirange NOT NULL DEFAULT '{}',
       -- A stream of its class that was opened beside it, and when the first batch of that one was received.
       ADD COLUMN rival uuid,
       ADD COLUMN rival_since timestamptz`,
  ],
};
