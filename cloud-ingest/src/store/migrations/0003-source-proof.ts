import type { Migration } from './migration.ts';

/** Null: positions from before this version, and those set anew, are believed without. */
export const sourceProof: Migration = {
  version: 3,
  name: 'source-proof',
  statements: () => ['ALTER TABLE source_offset ADD COLUMN proof text'],
};
