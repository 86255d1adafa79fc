import { counted, grouped } from '@fieldline/shared/runtime';
import type { LinkForecast } from '../../drivers/modbus/forecast.ts';
import { columns } from '../columns.ts';
import { bytesInWords, durationInWords } from '../journal/in-words.ts';
import type { Forecast } from './forecast.ts';

export function planLines({ links, others, amounts, answerMs }: Forecast): string[] {
  const { samplesPerSecond, uplinkBytesPerDay, diskBytesPerDay, hoursOfBuffer, by } = amounts;
  return [
    ...links.flatMap((link) => [...linkLines(link, answerMs), '']),
    ...others.map(({ device, protocol, tags }) => `${device}: ${protocol}, ${counted(tags, 'tag')}, reports by itself`),
    ...(others.length > 0 ? [''] : []),
    `in all: at most ${rate(samplesPerSecond)} samples/s (deadbands hold back some)`,
    `  uplink          ${bytesInWords(uplinkBytesPerDay)} a day`,
    `  written to disk ${bytesInWords(diskBytesPerDay)} a day`,
    `  an outage may last ${durationInWords(hoursOfBuffer * 3_600_000)} until the oldest is dropped (journal.${by})`,
    '  from the bytes a sample that were measured: see "How much it writes" in the README of the agent',
  ];
}

function linkLines(link: LinkForecast, answerMs: number): string[] {
  const line = link.baudRate === null ? '' : ` ${grouped(link.baudRate)} baud`;
  const rows = link.requests.map((request) => [
    `  ${request.device}`,
    `unit ${request.unit}`,
    request.asks,
    `${request.wanted} wanted, ${request.read} read`,
    counted(request.tags, 'tag'),
    `every ${request.everyMs} ms`,
    ...(request.lineMs === null ? [] : [`${request.lineMs.toFixed(1)} ms of the line`]),
  ]);
  return [`${link.link}: ${link.kind}${line}`, ...columns(rows), `  ${busText(link, answerMs)}`];
}

function busText({ load, requestsPerSecond, requests }: LinkForecast, answerMs: number): string {
  const asked = `${counted(requests.length, 'request')}, ${rate(requestsPerSecond)} a second`;
  if (load === null) return `${asked}: each may take ${(1_000 / requestsPerSecond).toFixed(0)} ms on average`;
  return `${asked}: the line is taken for ${percent(load)} of the time, with answers after ${answerMs} ms`;
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const rate = (perSecond: number): string => grouped(Number(perSecond.toPrecision(perSecond >= 100 ? 6 : 3)));
