import { extname, relative, resolve } from 'node:path';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { FieldlineError, type Micros, microsOf } from '@fieldline/shared/contracts';
import { type Clock, counted } from '@fieldline/shared/runtime';
import {
  parseCommandArgs,
  refuseWords,
  unknownWord,
  wrongArguments,
} from '@fieldline/shared/runtime/command-arguments';
import { exportJournal } from './export.ts';
import type { Place } from './place.ts';
import { type ExportFormat, exportFormats } from './sample-format.ts';
import { journalStatus } from './status.ts';
import { statusJson, statusLines } from './status-text.ts';
import { verifyJournal } from './verify.ts';

export const usage = `Usage: fieldline-edge journal status --config FILE [--json]
       fieldline-edge journal verify --config FILE
       fieldline-edge journal export --config FILE --out FILE|FOLDER [--format ndjson|csv]
                                     [--from TIME] [--to TIME] [--stream ID]

Looks into the journal, also while an agent runs on it or from a card of a gateway that is gone. It changes nothing there.

  status  how much is held, unconfirmed and declared lost, and how long the room lasts
  verify  reads all of it; every trouble in a line, with what to do. Exit code 1 where there is any
  export  the samples of every batch that is held, a line each

  --config FILE   the settings file
  --folder FOLDER the journal folder, where there is no settings file
  --json          the status for programs
  --out           a file, or an existing folder for a file per stream; what has its name is complete
  --format        ndjson (default) or csv (default where the name of the file ends in .csv)
  --from, --to    of the times of the samples, ISO 8601 (2026-03-01, 2026-03-01T12:00:00Z); --to is not included
  --stream        only this one; the first digits will do
`;

export type CommandParts = {
  readonly args: readonly string[];
  /** With relative paths resolved. @throws FieldlineError settings/invalid, settings/unreadable */
  readonly loadSettings: (file: string) => Promise<EdgeConfig>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A line for the operator, on standard output. */
  readonly say: (line: string) => void;
};

const options = {
  config: { type: 'string' },
  folder: { type: 'string' },
  json: { type: 'boolean' },
  out: { type: 'string' },
  format: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  stream: { type: 'string' },
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseCommandArgs<typeof options>>['values'];

type Action = {
  /** Those beside config and folder. */
  readonly takes: readonly (keyof Values)[];
  readonly run: (place: Place, values: Values, parts: CommandParts) => Promise<void> | void;
};

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['status', { takes: ['json'], run: status }],
  ['verify', { takes: [], run: verify }],
  ['export', { takes: ['out', 'format', 'from', 'to', 'stream'], run: exported }],
]);

/** @throws FieldlineError arguments/invalid, arguments/unknown, settings/…, journal/unreadable, journal/damaged, export/incomplete */
export async function run(parts: CommandParts): Promise<void> {
  const { values, positionals } = parseCommandArgs(parts.args, usage, options);
  if (values.help === true) {
    parts.say(usage.trimEnd());
    return;
  }
  const [name, ...rest] = positionals;
  const action = name === undefined ? undefined : actions.get(name);
  if (name === undefined) throw wrong('status, verify or export is missing');
  if (action === undefined) throw wrong(unknownWord(name, 'journal ', [...actions.keys()]));
  refuseWords(rest, '--config edge.yaml or --folder journal', usage);
  const known = ['config', 'folder', ...action.takes];
  const strange = Object.keys(values).find((key) => !known.includes(key));
  if (strange !== undefined) throw wrong(`journal ${name} knows no --${strange}`);
  await action.run(await placeOf(values, parts), values, parts);
}

const wrong = (what: string): FieldlineError => wrongArguments(what, usage);

async function placeOf({ config, folder }: Values, { loadSettings }: CommandParts): Promise<Place> {
  if (folder !== undefined && config !== undefined) throw wrong('--config and --folder: one of them is enough');
  if (folder !== undefined) return { folder: resolve(folder), settings: null };
  if (config === undefined) throw wrong('--config is missing: the settings file of the agent, or state --folder');
  const { gateway, journal } = await loadSettings(config);
  return { folder: journal.folder, settings: { gateway, ...journal } };
}

function status(place: Place, { json }: Values, { clock, say }: CommandParts): void {
  const found = journalStatus(place, clock.now());
  if (json === true) say(statusJson(found));
  else for (const line of statusLines(found)) say(line);
}

async function verify(place: Place, _values: Values, { say, signal }: CommandParts): Promise<void> {
  const { segments, streams, batches, samples, troubles, remarks } = await verifyJournal(place, signal).catch(
    (error) => {
      throw signal.aborted
        ? new FieldlineError('journal/damaged', 'stopped before the end: nothing is known yet')
        : error;
    },
  );
  for (const line of [...troubles, ...remarks]) say(line);
  say(
    `${place.folder}: ${counted(batches, 'batch', 'batches')} with ${counted(samples, 'sample')} ` +
      `in ${counted(segments, 'file')} and ${counted(streams, 'stream')} read`,
  );
  if (troubles.length > 0) {
    throw new FieldlineError('journal/damaged', `${counted(troubles.length, 'trouble')}: what to do is said above`);
  }
  say('all is well');
}

async function exported(place: Place, values: Values, { signal, say }: CommandParts): Promise<void> {
  if (values.out === undefined) throw wrong('--out is missing');
  const out = resolve(values.out);
  const [from, to] = [instantOf('from', values.from), instantOf('to', values.to)];
  if (from !== null && to !== null && from >= to) throw wrong('--from is not before --to: nothing lies between them');
  if (!relative(place.folder, out).startsWith('..'))
    throw wrong('--out lies in the journal folder, which belongs to the agent');
  const { files, batches, samples, missing, remarks } = await exportJournal({
    folder: place.folder,
    out,
    format: formatOf(values.format, out),
    from,
    to,
    stream: values.stream ?? null,
    signal,
  });
  for (const line of [...missing, ...remarks]) say(line);
  say(
    `${counted(samples, 'sample')} of ${counted(batches, 'batch', 'batches')}${files.length === 0 ? '' : ` in ${files.join(', ')}`}`,
  );
  if (missing.length > 0) {
    throw new FieldlineError(
      'export/incomplete',
      'what is named above as missing or not given is not in the export; all else is',
    );
  }
}

function formatOf(asked: string | undefined, out: string): ExportFormat {
  if (asked === undefined) return extname(out).toLowerCase() === '.csv' ? 'csv' : 'ndjson';
  const format = exportFormats.find((known) => known === asked);
  if (format === undefined) throw wrong(`--format is ${asked}; it must be ${exportFormats.join(' or ')}`);
  return format;
}

function instantOf(name: string, text: string | undefined): Micros | null {
  if (text === undefined) return null;
  const micros = microsOf(text);
  if (micros === null) throw wrong(`--${name} is ${text}; it must be a time such as 2026-03-01T12:00:00Z`);
  return micros;
}
