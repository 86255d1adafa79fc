/** A field as a person writes it, on the command line or in a file. */
import type { FieldName, Fields } from '../store/periods.ts';

export type ReadField = { readonly stated: Partial<Fields> } | { readonly wrong: string };

/** Means that there is none, against what the gateway says. */
export const none = 'none';

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const maxLength = { unit: 64, description: 512 } as const;

export function readField(field: FieldName, text: string): ReadField {
  switch (field) {
    case 'unit':
    case 'description':
      return readText(field, text);
    case 'minimum':
    case 'maximum':
      return text === none ? { stated: { [field]: null } } : readNumber(field, text);
    case 'scale':
    case 'offset':
      return readNumber(field, text);
  }
}

function readText(field: 'unit' | 'description', text: string): ReadField {
  if (text === none) return { stated: { [field]: null } };
  if (text.trim() === '') return { wrong: `is empty: ${none} says that there is none` };
  if (text.length > maxLength[field])
    return { wrong: `has ${text.length} characters; at most ${maxLength[field]} fit` };
  if (/\p{Cc}/u.test(text)) return { wrong: 'has a control character in it, such as a line break or a tab' };
  return { stated: { [field]: text } };
}

function readNumber(field: 'scale' | 'offset' | 'minimum' | 'maximum', text: string): ReadField {
  const trimmed = text.trim();
  const value = Number(trimmed);
  if (!numberPattern.test(trimmed) || !Number.isFinite(value)) {
    const comma = /^[+-]?\d+,\d+$/.test(trimmed) ? `: write ${trimmed.replace(',', '.')}, with a point` : '';
    return { wrong: `is ${JSON.stringify(text)}, not a number${comma}` };
  }
  if (field === 'scale' && value === 0) return { wrong: 'is 0, which leaves nothing of the value' };
  return { stated: { [field]: value } };
}
