/** The settings of a tag as cells of a list, and back. */
import { type ModbusWrite, modbusTagSchema, modbusWriteSchema, type StatedTag } from '@fieldline/shared/config';

export type Column = keyof StatedTag;

const isColumn = (name: string): name is Column => name in modbusTagSchema.shape;
/** A column for each setting of a tag, with its name. */
export const columnNames: readonly Column[] = Object.keys(modbusTagSchema.shape).filter(isColumn);

/** Several values in one cell, parted by blanks. */
const lists: readonly Column[] = ['bits', 'notAvailable', 'clamp'];
const words: readonly Column[] = [
  'tag',
  'table',
  'type',
  'byteOrder',
  'byte',
  'characters',
  'timeForm',
  'exchange',
  'class',
  'unit',
  'description',
];

const ruleDefaults = new Map<string, unknown>(Object.entries(modbusWriteSchema.parse({})));

/** What of the rules for writing somebody must have stated: the rest is what holds anyway. */
export const statedRules = (rules: ModbusWrite): object =>
  Object.fromEntries(Object.entries(rules).filter(([key, value]) => ruleDefaults.get(key) !== value));

type Written = string | number | boolean | object;

export function cellOf(tag: StatedTag, column: Column): string {
  const value = tag[column];
  if (Array.isArray(value)) return value.join(' ');
  if (column === 'write' && tag.write !== undefined) return JSON.stringify(statedRules(tag.write));
  return typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
}

/** As YAML would have it; what is no number stays as it is, for the schema to tell. `hasComma`: a comma is that of a fraction. */
export function settingOf(text: string, column: Column, hasComma: boolean): Written | Written[] {
  const cell = text.trim();
  if (words.includes(column)) return cell;
  if (column === 'write') return rulesOf(cell);
  if (lists.includes(column)) return cell.split(/\s+/).map((word) => numberOf(word, hasComma));
  if (column === 'signed' && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  return numberOf(cell, hasComma);
}

/** As `cellOf` gives them. */
function rulesOf(cell: string): string | object {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

const numberPattern = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function numberOf(word: string, hasComma: boolean): string | number {
  const plain = hasComma ? word.replace(',', '.') : word;
  if (/^0x[0-9a-f]+$/i.test(plain)) {
    const value = Number(plain);
    // A pattern of 64 bits has more digits than a number keeps.
    return Number.isSafeInteger(value) ? value : plain;
  }
  return numberPattern.test(plain) ? Number(plain) : word;
}
