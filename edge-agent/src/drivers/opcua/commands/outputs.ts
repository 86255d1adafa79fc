import type { Variant } from '../library.ts';
import { type Content, contentOf, type KnownTypes } from '../values/content.ts';
import { textOf } from '../values/content-text.ts';

/** What a method gave, as JSON by name; what it does not name has its number. */
export function outputsText(
  names: readonly { readonly name: string }[],
  outputs: readonly Variant[],
  types: KnownTypes,
): string {
  const fields = new Map<string, Content>();
  for (const [position, output] of outputs.entries()) {
    fields.set(names[position]?.name || `output${position + 1}`, contentOf(output, null, types));
  }
  return textOf({ kind: 'structure', fields }).text ?? '{}';
}
