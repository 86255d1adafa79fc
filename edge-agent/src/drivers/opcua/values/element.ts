/** One element of an array or one field of a structure, as the settings name it: `axes[2].position`. */
import type { Content } from './content.ts';

/** Names of fields and positions, from the outside in. */
export type Element = readonly (string | number)[];

/** The settings have checked it. */
export const parseElement = (text: string): Element =>
  [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, position, name = '']) =>
    position === undefined ? name : Number(position),
  );

/** null: the value has no such part. */
export function pick(content: Content, element: Element): Content | null {
  let at = content;
  for (const step of element) {
    const part = typeof step === 'string' ? fieldOf(at, step) : elementOf(at, step);
    if (part === null) return null;
    at = part;
  }
  return at;
}

const fieldOf = (content: Content, name: string): Content | null =>
  content.kind === 'structure' ? (content.fields.get(name) ?? null) : null;

const elementOf = (content: Content, position: number): Content | null =>
  content.kind === 'array' && position < content.length ? content.at(position) : null;
