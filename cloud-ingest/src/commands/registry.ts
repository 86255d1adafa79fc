import { readFileSync, writeFileSync } from 'node:fs';
import { FieldlineError } from '@fieldline/shared/contracts';
import { counted } from '@fieldline/shared/runtime';
import { parseCommandArgs, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { microsOf } from '../instant.ts';
import { carryOut } from '../registry/carry-out.ts';
import type { EditPlan } from '../registry/edit.ts';
import { nearestName } from '../registry/nearest-name.ts';
import { historyLines, listLines, periodLines, repairLines, showLines } from '../registry/print.ts';
import { none, readField } from '../registry/read-field.ts';
import { listTags, readTag, type TagFilter } from '../registry/read-registry.ts';
import { problemLines, readTagFile, tagFileHead, tagFileLine } from '../registry/tag-file.ts';
import { type TagName, tagNameOf, textOf } from '../registry/tag-name.ts';
import { openStore, type Store } from '../store/connection.ts';
import { type FieldName, type Fields, fieldNames } from '../store/periods.ts';
import type { CommandParts } from './command.ts';

export const usage = `fieldline-ingest registry <what> --config FILE …

What is known of each tag: unit, description, limits, and the scale and offset by which a value received becomes the value
stored (value × scale + offset). Gateways announce their tags; what an operator sets goes before that. Everything holds from
an instant on, and stays on record.

  list     [--gateway G] [--device D] [--text T] [--unknown]      tags; --unknown: those that nobody has described
  show     GATEWAY/DEVICE/TAG                                     what holds now, and who said so
  history  GATEWAY/DEVICE/TAG                                     what was stated when, and what held from when on
  set      GATEWAY/DEVICE/TAG [--unit U] [--description D] [--scale N] [--offset N] [--minimum N] [--maximum N]
           [--release FIELD] [--from INSTANT] [--note TEXT] [--dry-run]
  import   FILE.csv [--from INSTANT] [--note TEXT] [--dry-run]    many tags: all or nothing
  export   [FILE.csv] [--gateway G] [--device D] [--text T] [--unknown]

  --from INSTANT   from when it holds, e.g. 2026-03-01T06:00:00Z; now unless given. Where rows of that time are stored
                   already, the command that repairs them is printed.
  --unit ${none}      there is no unit, whatever the gateway says; so too for description, minimum and maximum
  --release FIELD  what the gateway says of it holds again; may be given several times
  --offset=-40     a value that begins with a hyphen is written with =

A file has a line of column names (gateway,device,tag and any of ${fieldNames.join(',')}) and a line for each tag. An empty
cell leaves the field as it is.
`;

const filterOptions = {
  gateway: { type: 'string' },
  device: { type: 'string' },
  text: { type: 'string' },
  unknown: { type: 'boolean' },
} as const;
const sinceOptions = { from: { type: 'string' }, note: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
const fieldOptions = {
  unit: { type: 'string' },
  description: { type: 'string' },
  scale: { type: 'string' },
  offset: { type: 'string' },
  minimum: { type: 'string' },
  maximum: { type: 'string' },
  release: { type: 'string', multiple: true },
} as const satisfies Record<FieldName | 'release', { type: 'string'; multiple?: boolean }>;

type Work = (store: Store, parts: CommandParts, args: readonly string[]) => Promise<void>;

const works: Readonly<Record<string, Work>> = {
  list: async (store, { say }, args) => {
    for await (const tags of listTags(store.withSession, filterOf(args).filter))
      for (const line of listLines(tags)) say(line);
  },
  show: async (store, parts, args) => {
    const { tag, versions } = await wantedTag(store, parts, args);
    for (const line of showLines(tag, versions)) parts.say(line);
  },
  history: async (store, parts, args) => {
    const { tag, versions } = await wantedTag(store, parts, args);
    for (const line of historyLines(tag, versions)) parts.say(line);
  },
  set: setOne,
  import: importFile,
  export: exportFile,
};

/** @throws FieldlineError arguments/invalid, arguments/unknown, settings/invalid for edits that are wrong, database/… */
export async function run(parts: CommandParts): Promise<void> {
  const [what = '', ...args] = parts.args;
  const work = Object.hasOwn(works, what) ? works[what] : undefined;
  if (work === undefined) throw wrongArguments(`registry ${what}: which of ${Object.keys(works).join(', ')}?`, usage);
  const store = openStore(parts.config.database, 'fieldline-registry', 1);
  try {
    await work(store, parts, args);
  } finally {
    await store.close();
  }
}

async function setOne(store: Store, parts: CommandParts, args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, { ...fieldOptions, ...sinceOptions });
  const [text, ...more] = positionals;
  const edit = { ...nameOf(text, more), ...statedIn(values), released: releasedIn(values) };
  const both = edit.released.find((field) => field in edit.stated);
  if (both !== undefined) throw wrongArguments(`--release ${both} and --${both}: one of the two`, usage);
  if (Object.keys(edit.stated).length + edit.released.length === 0) throw wrongArguments('nothing to set', usage);
  const plan = await carryOut(store, {
    edits: [edit],
    ...howOf(values, parts),
    problemsOf: (found) => found.map(({ message }) => message),
  });
  for (const { after } of plan.changes) for (const line of periodLines(after)) parts.say(line);
  tell(plan, values['dry-run'] ?? false, parts);
}

async function importFile(store: Store, parts: CommandParts, args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandArgs(args, usage, sinceOptions);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw wrongArguments('which file?', usage);
  const read = readTagFile(readText(file));
  const plan = await carryOut(store, {
    edits: read.edits.map((edit) => ({ ...edit, released: [] })),
    ...howOf(values, parts),
    problemsOf: (found) => problemLines(file, read, found),
  });
  tell(plan, values['dry-run'] ?? false, parts);
}

async function exportFile(store: Store, { say }: CommandParts, args: readonly string[]): Promise<void> {
  const { filter, positionals } = filterOf(args);
  const [file, ...more] = positionals;
  if (more.length > 0) throw wrongArguments('one file to write', usage);
  const lines = [tagFileHead];
  for await (const tags of listTags(store.withSession, filter)) lines.push(...tags.map(tagFileLine));
  if (file === undefined) {
    for (const line of lines) say(line);
    return;
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  say(`${file}: ${counted(lines.length - 1, 'tag')}`);
}

function tell({ changes, unchanged }: EditPlan, dryRun: boolean, { say, callOf }: CommandParts): void {
  const verb = dryRun ? 'would be changed; nothing was written' : 'changed';
  say(`${counted(changes.length, 'tag')} ${verb}${unchanged === 0 ? '' : `; of ${unchanged} it holds already`}`);
  for (const line of repairLines(changes, callOf('replay'))) say(line);
}

async function wantedTag(store: Store, { callOf }: CommandParts, args: readonly string[]) {
  const { positionals } = parseCommandArgs(args, usage, {});
  const [text, ...more] = positionals;
  const name = nameOf(text, more);
  const found = await store.withSession((session) => readTag(session, name));
  if (found !== null) return found;
  const meant = await store.withSession((session) => nearestName(session, name));
  const advice =
    meant === null ? `\`${callOf('registry')} list\` lists those that have` : `did you mean ${textOf(meant)}?`;
  throw new FieldlineError('arguments/unknown', `no tag ${textOf(name)} has been announced or sent: ${advice}`);
}

function nameOf(text: string | undefined, more: readonly string[]): TagName {
  const name = tagNameOf(text ?? '');
  if (name === null || more.length > 0) throw wrongArguments('which tag? GATEWAY/DEVICE/TAG', usage);
  return name;
}

function filterOf(args: readonly string[]): { readonly filter: TagFilter; readonly positionals: readonly string[] } {
  const { values, positionals } = parseCommandArgs(args, usage, filterOptions);
  const { gateway = null, device = null, text = null, unknown = false } = values;
  return { filter: { gateway, device, text, unknown }, positionals };
}

function statedIn(values: { readonly [field in FieldName]?: string | undefined }): {
  readonly stated: Partial<Fields>;
} {
  let stated: Partial<Fields> = {};
  for (const field of fieldNames) {
    const text = values[field];
    if (text === undefined) continue;
    const read = readField(field, text);
    if ('wrong' in read) throw wrongArguments(`--${field} ${read.wrong}`, usage);
    stated = { ...stated, ...read.stated };
  }
  return { stated };
}

const releasedIn = ({ release = [] }: { readonly release?: readonly string[] | undefined }): readonly FieldName[] =>
  release.map((text) => {
    const field = fieldNames.find((each) => each === text);
    if (field === undefined) throw wrongArguments(`--release ${text}: which of ${fieldNames.join(', ')}?`, usage);
    return field;
  });

type SinceValues = {
  readonly from?: string | undefined;
  readonly note?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
};

function howOf({ from, note, 'dry-run': dryRun = false }: SinceValues, { clock }: CommandParts) {
  const now = clock.now();
  const validFrom = from === undefined ? now : microsOf(from);
  if (validFrom === null) throw wrongArguments(`--from ${from}: an instant such as 2026-03-01T06:00:00Z`, usage);
  if (validFrom > now)
    throw wrongArguments(
      `--from ${from} lies ahead: what is set holds from now on, or from an instant that is past`,
      usage,
    );
  return { since: { validFrom, note: note ?? null }, dryRun };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `${file}: ${(error as Error).message}`, { cause: error });
  }
}
