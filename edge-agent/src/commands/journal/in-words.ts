/** Sizes, ages and declarations as an operator reads them. Pure. */
import { type Declaration, isoOf, type Micros, type Ranges } from '@fieldline/shared/contracts';
import { counted, grouped } from '@fieldline/shared/runtime';

const unitsOfBytes = ['KiB', 'MiB', 'GiB', 'TiB'];

export function bytesInWords(bytes: number): string {
  if (bytes < 1_024) return counted(bytes, 'byte');
  let size = bytes;
  let unit = '';
  for (const next of unitsOfBytes) {
    if (size < 1_024) break;
    size /= 1_024;
    unit = next;
  }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
}

export function durationInWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return `${Math.round(ms / 1_000)} s`;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** What an agent writes while the folder is read may be a little younger than now. */
const whileReadMs = 5_000;

export const momentInWords = (at: Micros, now: Micros): string => {
  const ageMs = (now - at) / 1_000;
  return `${isoOf(at)}, ${ageMs < -whileReadMs ? 'ahead of the clock of this machine' : `${durationInWords(Math.max(0, ageMs))} ago`}`;
};

export function declarationInWords(declaration: Declaration): string {
  const count = declaration.samples === null ? 'nobody knows how many samples' : counted(declaration.samples, 'sample');
  const { from, to } = declaration;
  if (declaration.kind === 'batches') {
    const which = from === to ? `batch ${grouped(from)}` : `batches ${grouped(from)}–${grouped(to)}`;
    return `${declaration.reason}: ${which} of stream ${declaration.stream}, ${count}`;
  }
  const { device, tag } = declaration;
  const what = device === null ? 'all devices' : tag === null ? device : `${device}/${tag}`;
  const when = from === to ? isoOf(from) : `${isoOf(from)} to ${isoOf(to)}`;
  return `${declaration.reason}: ${what}, ${when}, ${count}`;
}

/** Of a file with samples that are in no batch yet. */
export const undatedInWords = ({ file, sizeBytes }: { readonly file: string; readonly sizeBytes: number }): string =>
  `${file}: ${bytesInWords(sizeBytes)} of samples wait in it for the clock to be set, and are not looked into: an agent on this folder sends them when it is`;

/** Of a damaged file that the agent has done with. */
export const setAsideInWords = ({ file, setAsideAt }: { readonly file: string; readonly setAsideAt: Micros }): string =>
  `${file}: set aside as damaged, and dealt with on ${isoOf(setAsideAt)}: what could be proven of it was sent, the rest is declared; delete it when nobody wants to look into it any more`;

export const rangesInWords = (ranges: Ranges): string =>
  ranges.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
