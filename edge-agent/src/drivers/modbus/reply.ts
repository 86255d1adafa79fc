export type Reply =
  /** The data bytes alone: two per register, eight bits per byte; none after a write. */
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'exception'; readonly code: number }
  /** `isDamaged`: it is what the unit has answered, of which nothing more comes, and it cannot be read. Else it is none. */
  | { readonly kind: 'garbled'; readonly isDamaged: boolean }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'not-connected' }
  | { readonly kind: 'aborted' };

/** A frame that is no answer to the request, or bytes that are no frame. */
export const nonsense: Reply = { kind: 'garbled', isDamaged: false };
export const damaged: Reply = { kind: 'garbled', isDamaged: true };

export const isDamaged = (reply: Reply | { readonly kind: 'silent' }): boolean =>
  reply.kind === 'garbled' && reply.isDamaged;
