/** What an operator runs by hand, beside the roles: it ends by itself and prints what it did. */
import type { IngestConfig } from '@fieldline/shared/config';
import type { Clock, Log } from '@fieldline/shared/runtime';

export type CommandParts = {
  readonly config: IngestConfig;
  readonly args: readonly string[];
  /** How another command is called with the same settings, for a line that can be pasted. */
  readonly callOf: (command: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A line for the operator, on standard output. */
  readonly say: (line: string) => void;
};

export type CommandModule = {
  readonly usage: string;
  /** @throws FieldlineError; `arguments/invalid` for arguments that are wrong */
  readonly run: (parts: CommandParts) => Promise<void>;
};
