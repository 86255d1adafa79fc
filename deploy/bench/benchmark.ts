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

/** `aim`: what we are out for beyond it. */
export type Target = ({ readonly atLeast: number } | { readonly atMost: number }) & { readonly aim?: number };

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

export type Verdict = 'missed' | 'met' | 'aim met';

export function judge(value: number, target: Target): Verdict {
  const [bound, reaches] =
    'atLeast' in target
      ? [target.atLeast, (limit: number) => value >= limit]
      : [target.atMost, (limit: number) => value <= limit];
  if (target.aim !== undefined && reaches(target.aim)) return 'aim met';
  return reaches(bound) ? 'met' : 'missed';
}
