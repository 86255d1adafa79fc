/**
 * What a request costs. Over a network that is the request: its registers come in one packet, many or few. On a serial line it
 * is the time that the line is taken, and there every byte counts: a gap is read along only where that is quicker than to ask
 * again.
 */
import { isBitTable, type ModbusTable } from '@fieldline/shared/config/modbus';
import { isSerialLink, type ModbusLink, type SerialLink } from '@fieldline/shared/config/modbus-link';
import type { Cost } from './blocks.ts';
import { type LineTiming, lineTiming } from './line-timing.ts';

/** Requests come first; of as many, those that ask for less. */
const perRequest = 1e9;
const fewestRequests: Cost = (count) => perRequest + count;

/** Of an RTU frame: unit id, function code, address, count, checksum. */
const requestBytes = 8;
/** The same without the data: unit id, function code, byte count, checksum. */
const answerBytes = 5;
/** What devices take to answer, from a few milliseconds to some tens: until it was measured. */
export const typicalAnswerMs = 10;

/** By how many registers, or bits in the tables of bits. `answerMs`: what the unit takes to answer. */
export function costOf(link: ModbusLink, table: ModbusTable, answerMs: number = typicalAnswerMs): Cost {
  return isSerialLink(link) ? lineTimeMs(link, table, answerMs) : fewestRequests;
}

/** How long a request and its answer take a serial line, up to the moment when the next may begin. */
export function lineTimeMs(link: SerialLink, table: ModbusTable, answerMs: number): Cost {
  const timing = lineTiming(link);
  const besideMs = answerMs + Math.max(timing.silenceMs, link.pauseBetweenMs);
  return (count) => wireTimeMs(timing, table, count) + besideMs;
}

/** The part of it in which request and answer are on the wire, with the silence that ends the request. */
export function wireTimeMs({ wireMs, silenceMs }: LineTiming, table: ModbusTable, count: number): number {
  const dataBytes = Math.ceil((count * (isBitTable(table) ? 1 : 16)) / 8);
  return wireMs(requestBytes) + silenceMs + wireMs(answerBytes + dataBytes);
}
