/** Data as a person wrote them, before any schema has seen them: every field may be anything. */
export type Written = {
  readonly [key: string]: unknown;
  readonly devices?: unknown;
  readonly protocol?: unknown;
  readonly profile?: unknown;
  readonly only?: unknown;
  readonly override?: unknown;
  readonly tags?: unknown;
  readonly tag?: unknown;
  readonly address?: unknown;
  readonly scaleFactor?: unknown;
};

export const isWritten = (value: unknown): value is Written =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** What is no mapping has no fields. */
export const fieldsOf = (value: unknown): Written => (isWritten(value) ? value : {});

/** What is no list has no entries. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
