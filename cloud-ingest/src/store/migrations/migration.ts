import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Edition } from '../edition.ts';

export type MigrationContext = { readonly edition: Edition; readonly config: DatabaseConfig };

/** One step of the schema, applied in one transaction and never changed after it was released: later steps mend it. */
export type Migration = {
  readonly version: number;
  readonly name: string;
  readonly statements: (context: MigrationContext) => readonly string[];
};

/** An interval for SQL. */
export const interval = (ms: number): string => `INTERVAL '${ms} milliseconds'`;
