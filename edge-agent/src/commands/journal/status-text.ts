/** The status as an operator reads it, a line each. Pure. */
import { defaultClass, isoOf, type Micros } from '@fieldline/shared/contracts';
import { counted, grouped } from '@fieldline/shared/runtime';
import { isDamagedFile } from '../../journal/segment-name.ts';
import { roomBytes, type Space } from '../../journal/space.ts';
import type { Depth, Part } from './depth.ts';
import type { JournalBounds } from './hours-left.ts';
import { bytesInWords, declarationInWords, durationInWords, momentInWords, setAsideInWords } from './in-words.ts';
import { missingInWords } from './missing.ts';
import { noJournalInWords } from './place.ts';
import type { DeclaredLoss, JournalStatus } from './status.ts';

/** The rest is in --json. */
const mostDeclarations = 20;
const mostMissing = 20;

export function statusLines(status: JournalStatus): string[] {
  const { folder, total, at } = status;
  const lines = [`journal ${folder}${ofGateway(status)}${running(status)}`];
  if (!status.isJournal) return [...lines, noJournalInWords(folder)];
  if (total.batches === 0 && status.troubles.length === 0) {
    lines.push('it holds no batches');
  } else {
    lines.push('', ...depthLines(total, at, counted(status.segments, 'file')));
    lines.push(...undatedLines(status), ...boundLines(status));
    for (const stream of status.streams) {
      const since = `opened ${momentInWords(stream.openedAt, at)}`;
      const ofClass = stream.class === defaultClass ? '' : ` of class ${stream.class}`;
      lines.push(
        '',
        `stream ${stream.stream}${ofClass}, ${since}${stream.volatile ? ', volatile: it began in memory' : ''}`,
      );
      lines.push(...depthLines(stream, at, null));
    }
  }
  lines.push('', ...declaredLines(status), ...troubleLines(status), ...missingLines(status), ...setAsideLines(status));
  lines.push(...proofLines(status));
  return lines;
}

const ofGateway = ({ gateways }: JournalStatus): string =>
  gateways.length === 0 ? '' : ` of gateway ${gateways.join(', ')}`;

function running({ agentRuns }: JournalStatus): string {
  if (agentRuns === null) return '';
  return agentRuns ? ': an agent runs on it' : ': no agent is seen on it';
}

const line = (name: string, text: string): string => `  ${name.padEnd(12)} ${text}`;

const partInWords = ({ batches, samples }: Part): string =>
  `${counted(batches, 'batch', 'batches')}, ${counted(samples, 'sample')}`;

function depthLines({ sizeBytes, unconfirmed, confirmed, ...held }: Depth, at: Micros, files: string | null): string[] {
  const where = files === null ? '' : ` in ${files}`;
  const lines = [line('held', `${partInWords(held)}, ${bytesInWords(sizeBytes)}${where}`)];
  lines.push(line('unconfirmed', partInWords(unconfirmed)));
  const { oldestAt, newestAt } = unconfirmed;
  if (oldestAt !== null) lines.push(line('  oldest', momentInWords(oldestAt, at)));
  if (newestAt !== null) lines.push(line('  newest', momentInWords(newestAt, at)));
  lines.push(line('confirmed', `${partInWords(confirmed)}, still held`));
  return lines;
}

function undatedLines({ undated }: JournalStatus): string[] {
  if (undated.length === 0) return [];
  const sizeBytes = undated.reduce((sum, file) => sum + file.sizeBytes, 0);
  return [
    line(
      'undated',
      `${bytesInWords(sizeBytes)} of samples in ${counted(undated.length, 'file')} wait for the clock to be set`,
    ),
  ];
}

function boundLines({ bounds, arrival, hoursLeft, total, disk }: JournalStatus): string[] {
  const rate =
    arrival.bytesPerHour === null
      ? arrival.because
      : `${bytesInWords(arrival.bytesPerHour)} an hour arrived in the last ${durationInWords(arrival.measuredOverMs)}`;
  if (bounds === null) return [line('bound', 'not known without the settings file (--config)'), line('arrival', rate)];
  const kept = bounds.keepConfirmedForMs;
  return [
    line(
      'bound',
      `${bytesInWords(bounds.maxBytes)} (maxBytes), ${bounds.fullPercent} % full with ${bytesInWords(total.sizeBytes)}; ${ageInWords(bounds)}`,
    ),
    line('disk', diskInWords(bounds, disk)),
    line(
      'kept',
      kept === 0
        ? 'a file is deleted once it is full and all of it is confirmed'
        : `a file that is confirmed is kept for ${durationInWords(kept)} (keepConfirmedForMs), or until room is needed`,
    ),
    line(
      'hours left',
      hoursLeft === null
        ? `unknown: ${rate}`
        : `${grouped(hoursLeft.hours)} until the oldest must be dropped (${hoursLeft.by}), if nothing is confirmed from now on: ${rate}`,
    ),
  ];
}

const ageInWords = ({ maxAgeMs }: JournalBounds): string =>
  maxAgeMs === undefined
    ? 'nothing is too old (no maxAgeMs)'
    : `dropped when older than ${durationInWords(maxAgeMs)} (maxAgeMs), file by file, at most a quarter later`;

function diskInWords({ keepFreeBytes }: JournalBounds, disk: Space | null): string {
  if (disk === null) return 'it cannot be asked how much is free';
  const free = `${bytesInWords(disk.freeBytes)} free`;
  return roomBytes(disk, keepFreeBytes) >= 0 ? free : `${free}, less than is left to others: the journal does not grow`;
}

function declaredLines({ declared }: JournalStatus): string[] {
  const [held, aside] = [false, true].map((isAside) => declared.filter(({ file }) => isSetAside(file) === isAside));
  return [
    ...(held?.length === 0 ? ['no losses are declared in the batches held'] : lossLines('in the batches held', held)),
    ...(aside?.length === 0 ? [] : ['', ...lossLines('in batches of files set aside as damaged', aside)]),
  ];
}

const isSetAside = (file: string | null): boolean => file !== null && isDamagedFile(file);

function lossLines(where: string, declared: readonly DeclaredLoss[] = []): string[] {
  const lines = declared.slice(0, mostDeclarations).map((each) => `  ${declarationInWords(each)}${fromFile(each)}`);
  const more = declared.length - mostDeclarations;
  if (more > 0) lines.push(`  and ${grouped(more)} more: --json lists all`);
  return [`declared as lost, ${where} (${counted(declared.length, 'declaration')})`, ...lines];
}

const fromFile = ({ file }: DeclaredLoss): string => {
  if (file === null) return '';
  return isSetAside(file) ? `; read from ${file}` : `; read from ${file}, which is damaged`;
};

function troubleLines({ troubles }: JournalStatus): string[] {
  const lines = troubles.map(({ file, reason, toDo }) => `  ${file}: ${reason}: ${toDo}`);
  return lines.length === 0 ? [] : ['', 'trouble', ...lines];
}

function missingLines({ missing }: JournalStatus): string[] {
  const lines = missing.slice(0, mostMissing).map((each) => `  ${missingInWords(each)}`);
  if (missing.length > mostMissing) lines.push(`  and ${grouped(missing.length - mostMissing)} more: --json lists all`);
  return lines.length === 0 ? [] : ['', 'missing', ...lines];
}

/** All that this has looked at is well: of a large journal that says nothing of the bytes of the batches. */
function proofLines({ troubles, missing, provesBatches }: JournalStatus): string[] {
  if (troubles.length + missing.length > 0) return [];
  return provesBatches
    ? ['', 'every batch is what was written, by its checksum; `journal verify` decodes each as well']
    : ['', 'heads and numbers of the files are as they should be; `journal verify` proves every batch'];
}

function setAsideLines({ setAside }: JournalStatus): string[] {
  const lines = setAside.map((each) => `  ${setAsideInWords(each)}; ${bytesInWords(each.sizeBytes)}`);
  return lines.length === 0 ? [] : ['', 'no trouble any more', ...lines];
}

/** For programs: times as ISO 8601 beside the ages, nothing left out. */
export function statusJson({ at, total, streams, agentRuns, setAside, ...rest }: JournalStatus): string {
  const depth = ({ unconfirmed, ...held }: Depth) => ({
    ...held,
    unconfirmed: {
      batches: unconfirmed.batches,
      samples: unconfirmed.samples,
      oldestAt: isoOrNull(unconfirmed.oldestAt),
      oldestAgeMs: ageMs(unconfirmed.oldestAt, at),
      newestAt: isoOrNull(unconfirmed.newestAt),
      newestAgeMs: ageMs(unconfirmed.newestAt, at),
    },
  });
  return JSON.stringify(
    {
      ...rest,
      agentRuns,
      at: isoOf(at),
      setAside: setAside.map((file) => ({ ...file, setAsideAt: isoOf(file.setAsideAt) })),
      total: depth(total),
      streams: streams.map(({ openedAt, ...stream }) => ({ ...stream, openedAt: isoOf(openedAt), ...depth(stream) })),
    },
    null,
    2,
  );
}

const isoOrNull = (at: Micros | null): string | null => (at === null ? null : isoOf(at));
const ageMs = (at: Micros | null, now: Micros): number | null => (at === null ? null : Math.round((now - at) / 1_000));
