import type { EdgeConfig } from '@fieldline/shared/config/edge';
import type { JournalBounds } from './hours-left.ts';

/** Which journal a command reads, and what is known of it beside its files. */
export type Place = {
  readonly folder: string;
  /** null where only the folder was named, as of a card without its settings file. */
  readonly settings: (Pick<EdgeConfig, 'gateway'> & JournalBounds) | null;
};
