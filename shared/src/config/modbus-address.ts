/**
 * The notations of addresses. On the wire each table counts from 0. Documents count from 0, or from 1, or put the table in
 * front: 40001 is the first holding register, 30001 the first input register, 10001 the first discrete input, 1 the first coil,
 * in five digits up to the 9999th, in six (400001) up to the 65536th.
 */
import { recordAt } from './modbus-file.ts';
import type { AddressedTable, ModbusTable, Problem } from './modbus-registers.ts';

export const addressBases = [0, 1, '4xxxx', '4xxxxx'] as const;
export type AddressBase = (typeof addressBases)[number];

export const wireAddresses = 65_536;
export const maxStatedAddress = 465_536;

const digitOfTable = { coil: 0, discrete: 1, input: 3, holding: 4 } as const satisfies Record<AddressedTable, number>;
const tableOfDigit = new Map<number, AddressedTable>(
  (Object.entries(digitOfTable) as [AddressedTable, number][]).map(([table, digit]) => [digit, table]),
);

/** Where a register stands on the wire; of `file`, a record among those of all files. */
export type Place = { readonly table: ModbusTable; readonly first: number };

/** What the first digit counts, and how many a table may have. */
const digits = { '4xxxx': { weight: 10_000, most: 9_999 }, '4xxxxx': { weight: 100_000, most: wireAddresses } };

/** `stated`: the table, where the settings name it. */
export function placeOf(address: number, base: AddressBase, stated: ModbusTable | undefined): Place | Problem {
  if (base === 0 || base === 1) {
    if (address < base) return ['address', `the device counts from addressBase: ${base}`];
    if (address - base >= wireAddresses) return ['address', `the last register is ${wireAddresses - 1 + base}`];
    return { table: stated ?? 'holding', first: address - base };
  }
  const { weight, most } = digits[base];
  const table = tableOfDigit.get(Math.floor(address / weight));
  const number = address % weight;
  if (table === undefined || number < 1 || number > most) return ['address', noSuchNumber(address, base)];
  if (base === '4xxxxx' && table === 'coil' && stated === undefined && address >= 10_000) {
    return ['address', `has five digits, but addressBase is 4xxxxx; if it is a coil, say table: coil`];
  }
  if (stated !== undefined && stated !== table) {
    return [
      'table',
      `${address} is of table ${table} by addressBase: ${base}; leave table out, or correct one of them`,
    ];
  }
  return { table, first: number - 1 };
}

function noSuchNumber(address: number, base: '4xxxx' | '4xxxxx'): string {
  if (base === '4xxxx' && address > 99_999) return 'has six digits: state addressBase: 4xxxxx';
  const [weight, most] = [digits[base].weight, digits[base].most];
  const range = (table: AddressedTable): string =>
    `${digitOfTable[table] * weight + 1}–${digitOfTable[table] * weight + most} (${table})`;
  return `with addressBase: ${base} addresses are ${(['coil', 'discrete', 'input', 'holding'] as const).map(range).join(', ')}`;
}

/** The inverse: a place in the notation of the device's own documents; a record is counted in its file. */
export function statedAddress({ table, first }: Place, base: AddressBase): number {
  if (table === 'file') return recordAt(first).record;
  return base === 0 || base === 1 ? first + base : digitOfTable[table] * digits[base].weight + first + 1;
}

type Stretch = { readonly first: number; readonly count: number };

/** What a request reads, in words: `holding 40001–40009`, `file 4 records 7–9, 12; file 5 record 0`. */
export function stretchesText(table: ModbusTable, stretches: readonly Stretch[], base: AddressBase): string {
  const range = ({ first, count }: Stretch): string => {
    const from = statedAddress({ table, first }, base);
    return count === 1 ? `${from}` : `${from}–${from + count - 1}`;
  };
  if (table !== 'file') return `${table} ${stretches.map(range).join(', ')}`;
  const files = Map.groupBy(stretches, ({ first }) => recordAt(first).file);
  return [...files].map(([file, own]) => `file ${file} ${recordsWord(own)} ${own.map(range).join(', ')}`).join('; ');
}

const recordsWord = (stretches: readonly Stretch[]): string =>
  stretches.length === 1 && stretches[0]?.count === 1 ? 'record' : 'records';
