/** What a program says of itself: live (else restart it) and ready (else send it no work), each with reasons. */
export type Check = {
  readonly name: string;
  /** null when well; else what is wrong, in words for the operator. */
  readonly trouble: () => string | null;
  /** What is good to know and no trouble; null when there is nothing. */
  readonly note?: () => string | null;
};

export type HealthReport = {
  readonly ok: boolean;
  readonly troubles: Readonly<Record<string, string>>;
  readonly notes?: Readonly<Record<string, string>>;
};

export type Health = {
  readonly live: Check[];
  readonly ready: Check[];
};

export const createHealth = (): Health => ({ live: [], ready: [] });

export function report(checks: readonly Check[]): HealthReport {
  const troubles: Record<string, string> = {};
  const notes: Record<string, string> = {};
  for (const { name, trouble, note } of checks) {
    const text = trouble();
    if (text !== null) troubles[name] = text;
    const known = note?.() ?? null;
    if (known !== null) notes[name] = known;
  }
  const hasNotes = Object.keys(notes).length > 0;
  return { ok: Object.keys(troubles).length === 0, troubles, ...(hasNotes ? { notes } : {}) };
}
