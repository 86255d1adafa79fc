/** What every benchmark is given, and what it gives. */
export type BenchmarkContext = {
  /** Of the repository. */
  readonly root: string;
  /** Removed afterwards. */
  readonly folder: string;
  /** Quicker and less sure: to see that it runs, not to quote from. */
  readonly short: boolean;
  /** What is going on, for the person at the terminal. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Absent where the figure only explains. */
  readonly target?: Target;
  /** What was measured, where the name cannot say it. */
  readonly note?: string;
};

export type Benchmark = {
  readonly name: string;
  readonly what: string;
  /** Throws where it could not be run. */
  readonly run: (context: BenchmarkContext) => Promise<readonly Figure[]>;
};

export const isMet = (value: number, target: Target): boolean =>
  'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
