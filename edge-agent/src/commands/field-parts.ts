import type { PlacedEdge } from '@fieldline/shared/config/load-edge';
import type { Clock } from '@fieldline/shared/runtime';

/** What a command for the field is given. */
export type FieldParts = {
  readonly args: readonly string[];
  /** @throws FieldlineError settings/invalid, settings/unreadable */
  readonly readSettings: (file: string) => Promise<PlacedEdge>;
  readonly clock: Clock;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  /** A line of the result, on standard output. */
  readonly say: (line: string) => void;
  /** A line that tells how far it is, on standard error. */
  readonly progress: (line: string) => void;
};
