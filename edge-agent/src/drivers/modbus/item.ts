import type { Tag } from '@fieldline/shared/contracts';
import type { Span } from './blocks.ts';
import type { Decode } from './decode.ts';

/** A tag as it is read. */
export type Item = Span & { readonly tag: Tag; readonly decode: Decode };
