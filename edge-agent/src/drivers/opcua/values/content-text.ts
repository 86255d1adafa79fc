/** Contents as text: arrays and structures as compact JSON. */

import { DataType } from '../library.ts';
import type { Content } from './content.ts';
import { integerOf, type Scalar, textOfScalar } from './scalar.ts';

export type ContentText = {
  /** null: there is no value. */
  readonly text: string | null;
  /** False where a part is but the bytes that came. */
  readonly isDecoded: boolean;
};

export function textOf(content: Content): ContentText {
  if (content.kind === 'scalar') return { text: textOfScalar(content), isDecoded: true };
  const found = { isDecoded: true };
  const text = jsonOf(content, found);
  return { text, ...found };
}

function jsonOf(content: Content, found: { isDecoded: boolean }): string {
  switch (content.kind) {
    case 'scalar':
      return scalarJson(content);
    case 'array': {
      const parts = Array.from({ length: content.length }, (_, index) => jsonOf(content.at(index), found));
      return `[${parts.join()}]`;
    }
    case 'structure': {
      const parts = [...content.fields].map(([name, field]) => `${JSON.stringify(name)}:${jsonOf(field, found)}`);
      return `{${parts.join()}}`;
    }
    case 'undecoded':
      found.isDecoded = false;
      return JSON.stringify({ type: content.typeId, body: content.body.toString('base64') });
  }
}

/** As on the wire: an integer that readers of JSON would round is text. So are NaN and infinities, which JSON has not. */
function scalarJson(scalar: Scalar): string {
  const text = textOfScalar(scalar);
  if (text === null) return 'null';
  return isBare(scalar, text) ? text : JSON.stringify(text);
}

function isBare(scalar: Scalar, text: string): boolean {
  const { dataType, raw } = scalar;
  if (dataType === DataType.Boolean) return true;
  if (dataType === DataType.Float || dataType === DataType.Double) return Number.isFinite(raw);
  return dataType < DataType.Float && text === String(integerOf(scalar)) && Number.isSafeInteger(Number(text));
}
