/** Statements of one transaction. */
export type Step = { readonly title: string; readonly statements: readonly string[] };
