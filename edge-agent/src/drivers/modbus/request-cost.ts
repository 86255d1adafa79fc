/**
 * What a request costs. Over a network that is the request: its registers come in one packet, many or few. On a serial line it
 * is the time that the line is taken, and there every byte counts: a gap is read along only where that is quicker than to ask
 * again.
 */
import { isBitTable, type ModbusTable } from '@fieldline/shared/config/modbus';
import { isSerialLink, type ModbusLink, type SerialLink } from '@fieldline/shared/config/modbus-link';
import type { Cost } from './blocks.ts';
import { lineTiming } from './line-timing.ts';

/** Requests come first; of as many, those that ask for less. */
const perRequest = 1e9;
const fewestRequests: Cost = (count) => perRequest + count;

/** Of an RTU frame: unit id, function code, address, count, checksum. */
const requestBytes = 8;
/** The same without the data: unit id, function code, byte count, checksum. */
const answerBytes = 5;
/** What devices take to answer, from a few milliseconds to some tens. */
export const typicalAnswerMs = 10;

/** By how many registers, or bits in the tables of bits. */
export function costOf(link: ModbusLink, table: ModbusTable): Cost {
  return isSerialLink(link) ? lineTimeMs(link, table, typicalAnswerMs) : fewestRequests;
}

/** How long a request and its answer take a serial line, up to the moment when the next may begin. */
export function lineTimeMs(link: SerialLink, table: ModbusTable, answerMs: number): Cost {
  const { silenceMs, wireMs } = lineTiming(link);
  const fixedMs = wireMs(requestBytes) + silenceMs + answerMs + Math.max(silenceMs, link.pauseBetweenMs);
  const bits = isBitTable(table) ? 1 : 16;
  return (count) => fixedMs + wireMs(answerBytes + Math.ceil((count * bits) / 8));
}
