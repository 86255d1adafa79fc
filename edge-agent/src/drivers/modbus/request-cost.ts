/**
 * What a request costs. Over a network that is the request: its registers come in one packet, many or few. On a serial line it
 * is the time that the line is taken, and there every byte counts: a gap is read along only where that is quicker than to ask
 * again.
 */
import type { ModbusLink, ModbusTable } from '@fieldline/shared/config';
import { isBitTable } from '@fieldline/shared/config/modbus';
import type { Cost } from './blocks.ts';

export type SerialLine = {
  readonly baudRate: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly dataBits: number;
  readonly stopBits: number;
};

type SerialFraming = {
  readonly charactersPerByte: number;
  /** Of request and reply together, all but the data. */
  readonly characters: number;
  /** How long the line is silent, in characters, and at least in milliseconds. */
  readonly silence: { readonly characters: number; readonly leastMs: number };
};

/** MODBUS over Serial Line v1.02, 2.5.1: 8 bytes ask, 5 and the data answer; 3.5 characters of silence, or 1.75 ms, after each. */
export const rtuFraming: SerialFraming = {
  charactersPerByte: 1,
  characters: 8 + 5,
  silence: { characters: 2 * 3.5, leastMs: 2 * 1.75 },
};
/** 2.5.2: two characters for a byte, between a colon and two characters of the end; the checksum has one byte. */
export const asciiFraming: SerialFraming = {
  charactersPerByte: 2,
  characters: 1 + 2 * 7 + 2 + 1 + 2 * 4 + 2,
  silence: { characters: 0, leastMs: 0 },
};

/** What devices take to answer, from a few milliseconds to some tens. */
const typicalAnswerMs = 10;

export function costOf(link: ModbusLink, table: ModbusTable): Cost {
  if (!('baudRate' in link)) return fewestRequests;
  return lineTimeMs(link, link.kind === 'rtu' ? rtuFraming : asciiFraming, isBitTable(table) ? 1 : 16);
}

/** Requests come first; of as many, those that ask for less. */
const perRequest = 1e9;
export const fewestRequests: Cost = (count) => perRequest + count;

/** `bits`: of each of what is counted. */
export function lineTimeMs(line: SerialLine, framing: SerialFraming, bits: 1 | 16): Cost {
  const { baudRate, parity, dataBits, stopBits } = line;
  const characterMs = ((1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits) * 1_000) / baudRate;
  const { charactersPerByte, characters, silence } = framing;
  const fixedMs =
    characters * characterMs + Math.max(silence.characters * characterMs, silence.leastMs) + typicalAnswerMs;
  return (count) => fixedMs + Math.ceil((count * bits) / 8) * charactersPerByte * characterMs;
}
