import { tables } from './0001-tables.ts';
import { rollups } from './0002-rollups.ts';
import { sourceProof } from './0003-source-proof.ts';
import { registry } from './0004-registry.ts';
import { deadLetters } from './0005-dead-letters.ts';
import { layout } from './0007-layout.ts';
import { lateRanges } from './0008-late-ranges.ts';
import { classes } from './0009-classes.ts';
import type { Migration } from './migration.ts';

/** In the order in which they are applied. */
export const migrations: readonly Migration[] = [
  tables,
  rollups,
  sourceProof,
  registry,
  deadLetters,
  layout,
  lateRanges,
  classes,
];
export const newestVersion = Math.max(...migrations.map((migration) => migration.version));
