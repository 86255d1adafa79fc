import { counted, grouped } from '@fieldline/shared/runtime';
import type { Answer, LinkForecast, RequestForecast } from '../../drivers/modbus/forecast.ts';
import { columns } from '../columns.ts';
import { bytesInWords, durationInWords } from '../journal/in-words.ts';
import type { Forecast, OtherForecast } from './forecast.ts';

export function planLines({ links, others, amounts }: Forecast): string[] {
  const { samplesPerSecond, uplinkBytesPerDay, diskBytesPerDay, hoursOfBuffer, by } = amounts;
  return [
    ...links.flatMap((link) => [...linkLines(link), '']),
    ...others.map(otherLine),
    ...(others.length > 0 ? [''] : []),
    `in all: at most ${rate(samplesPerSecond)} samples/s (deadbands hold back some)`,
    `  uplink          ${bytesInWords(uplinkBytesPerDay)} a day`,
    `  written to disk ${bytesInWords(diskBytesPerDay)} a day`,
    ...(Number.isFinite(hoursOfBuffer)
      ? [
          `  an outage may last ${durationInWords(hoursOfBuffer * 3_600_000)} until the oldest is dropped (journal.${by})`,
        ]
      : []),
    '  from the bytes a sample that were measured: see "How much it writes" in the README of the agent',
  ];
}

const otherLine = ({ device, protocol, tags, publishingMs, samplesPerSecond, patterns }: OtherForecast): string =>
  `${device}: ${protocol}, ${counted(tags, 'tag')}, reports by itself every ${publishingMs} ms, at most ${rate(samplesPerSecond)} samples/s` +
  (patterns === null ? '' : ` (${patterns})`);

function linkLines(link: LinkForecast): string[] {
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
  return [`${link.link}: ${link.kind}${line}`, ...columns(rows), `  ${busText(link)}`];
}

function busText({ load, requestsPerSecond, requests }: LinkForecast): string {
  const asked = `${counted(requests.length, 'request')}, ${rate(requestsPerSecond)} a second`;
  if (load === null) return `${asked}: each may take ${(1_000 / requestsPerSecond).toFixed(0)} ms on average`;
  return `${asked}: the line is taken for ${percent(load)} of the time, with answers after ${answersText(requests)}`;
}

const origins: readonly (readonly [Answer['from'], string])[] = [
  ['measured', 'as measured'],
  ['stated', 'as stated'],
  ['assumed', 'as is usual, not measured'],
];

/** Of each origin, with the number of its units where there is more than one. */
function answersText(requests: readonly RequestForecast[]): string {
  const units = new Map(requests.map(({ unit, answer }) => [unit, answer]));
  const texts = origins.flatMap(([origin, words]) => {
    const times = [...units.values()].flatMap((answer) => (answer?.from === origin ? [answer.ms] : []));
    if (times.length === 0) return [];
    const count = times.length < units.size ? ` (${counted(times.length, 'unit')})` : '';
    return `${rangeText(times)} ms ${words}${count}`;
  });
  return texts.join(', ');
}

function rangeText(times: readonly number[]): string {
  const [least, most] = [Math.min(...times), Math.max(...times)].map((ms) => String(Number(ms.toPrecision(2))));
  return least === most ? `${least}` : `${least}–${most}`;
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const rate = (perSecond: number): string => grouped(Number(perSecond.toPrecision(perSecond >= 100 ? 6 : 3)));
