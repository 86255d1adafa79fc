/** A dead letter for the operator: everything that is known of it, in lines. */
import { countOf, errorCodes, type Ranges, subtractRanges } from '@fieldline/shared/contracts';
import { grouped } from '@fieldline/shared/runtime';
import { isoOf } from '../instant.ts';
import type { Letter } from './letters.ts';
import { headOf, peek, samplesAt } from './peek.ts';
import { listOf } from './positions.ts';
import { oneLine, tableOf } from './table.ts';

/** Without `isFull`: what fits a screen or two. */
const shownSamples = 50;
const shownJsonLines = 60;
const shownBytes = 512;
const shownCharacters = 200;
const bytesPerLine = 16;

export function describeLetter(letter: Letter, isFull: boolean): string[] {
  const seen = peek(letter.bytes);
  return [
    ...fieldsOf(letter, seen.kind === 'json' ? seen.unpackedBytes : null),
    '',
    ...(seen.kind === 'json'
      ? jsonLines(letter, seen.json, isFull)
      : [`no JSON: ${oneLine(seen.why, 200)}`, ...hexLines(letter.bytes, isFull)]),
  ];
}

function fieldsOf(letter: Letter, unpackedBytes: number | null): string[] {
  const { code, attempts, attemptedAt, redrivenAt, partition } = letter;
  const meaning = Object.entries(errorCodes).find(([known]) => known === code)?.[1].meaning;
  const unpacked =
    unpackedBytes === null || unpackedBytes === letter.sizeBytes ? '' : `, ${grouped(unpackedBytes)} unpacked`;
  const fields: [string, string][] = [
    ['id', String(letter.id)],
    ['state', redrivenAt === null ? 'open' : `redriven at ${isoOf(redrivenAt)}`],
    ['received', isoOf(letter.receivedAt)],
    ['gateway', letter.gateway ?? 'unknown'],
    ['stage', letter.stage],
    ['code', meaning === undefined ? code : `${code}: ${meaning}`],
    ['reason', oneLine(letter.reason, 2_000)],
    [
      'came by',
      partition === null
        ? `MQTT topic ${letter.topic}`
        : `${letter.topic}, partition ${partition}, offset ${letter.offset}`,
    ],
    ['samples', samplesOf(letter)],
    [
      'attempts',
      attempts === 0 ? 'none yet' : `${attempts}, the last at ${attemptedAt === null ? '?' : isoOf(attemptedAt)}`,
    ],
    [
      'headers',
      oneLine(
        Object.entries(letter.headers)
          .map(([name, text]) => `${name}=${text}`)
          .join(' '),
        1_000,
      ),
    ],
    ['bytes', `${grouped(letter.sizeBytes)}${unpacked}`],
  ];
  return fields.map(([name, text]) => `${name.padEnd(9)} ${text}`);
}

function samplesOf({ positions, redriven }: Letter): string {
  if (positions === null) return 'the whole record';
  const left = subtractRanges(positions, redriven);
  const rest =
    redriven.length === 0 ? '' : left.length === 0 ? '; all of them redriven' : `; still dead: ${listOf(left)}`;
  return `${grouped(countOf(positions))} of its batch: ${listOf(positions)}${rest}`;
}

function jsonLines({ positions }: Letter, json: unknown, isFull: boolean): string[] {
  const lines = JSON.stringify(isFull ? json : headOf(json), null, 2).split('\n');
  const shown = isFull ? lines.map(printable) : lines.slice(0, shownJsonLines).map((line) => printable(cut(line)));
  const more = lines.length - shown.length;
  return [
    ...shown,
    ...(more > 0 ? [`… ${grouped(more)} more lines: --full shows them`] : []),
    ...(positions === null ? [] : sampleLines(json, positions, isFull)),
  ];
}

function sampleLines(json: unknown, positions: Ranges, isFull: boolean): string[] {
  const samples = samplesAt(json, positions, isFull ? Number.POSITIVE_INFINITY : shownSamples);
  if (samples.length === 0) return [];
  const rows = samples.map(({ position, name, type, time, value, quality }) => [
    position,
    oneLine(name, 130),
    oneLine(type, 10),
    time === null ? '?' : isoOf(time),
    oneLine(value, 60),
    quality,
  ]);
  const more = countOf(positions) - samples.length;
  return [
    '',
    ...tableOf(['position', 'device/tag', 'type', 'time', 'value', 'quality'], rows),
    ...(more > 0 && !isFull ? [`… ${grouped(more)} more samples: --full shows them`] : []),
  ];
}

function hexLines(bytes: Buffer, isFull: boolean): string[] {
  const shown = isFull ? bytes : bytes.subarray(0, shownBytes);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += bytesPerLine) {
    const part = shown.subarray(at, at + bytesPerLine);
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.toString('latin1').replaceAll(/[^ -~]/g, '.');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(bytesPerLine * 3 - 1)}  ${text}`);
  }
  const more = bytes.length - shown.length;
  return more > 0 ? [...lines, `… ${grouped(more)} more bytes: --full shows them`] : lines;
}

const cut = (line: string): string => (line.length <= shownCharacters ? line : `${line.slice(0, shownCharacters)}…`);
/** What a gateway sent must not reach the terminal as a control sequence. */
const printable = (line: string): string => line.replaceAll(/\p{Cc}/gu, '\u00b7');
