/** The registry in lines for a terminal. */
import { isoOf } from '../instant.ts';
import { type Fields, fieldNames, type Period, periodsOf } from '../store/periods.ts';
import type { StoredVersion } from '../store/series-versions.ts';
import type { Change } from './edit.ts';
import type { RegisteredTag } from './read-registry.ts';
import { textOf } from './tag-name.ts';

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const listHead = ['tag', 'type', 'unit', 'scale', 'offset', 'minimum', 'maximum', '', 'description'];

export const listLines = (tags: readonly RegisteredTag[]): string[] =>
  table([
    listHead,
    ...tags.map((tag) => [
      textOf(tag),
      tag.type,
      said(tag.unit),
      said(tag.scale),
      said(tag.offset),
      said(tag.minimum),
      said(tag.maximum),
      tag.described ? '' : 'unknown',
      tag.description ?? '',
    ]),
  ]);

export function showLines(tag: RegisteredTag, versions: readonly StoredVersion[]): string[] {
  const edited = editedFields(versions);
  const rows = fieldNames.map((field) => [
    `  ${field}`,
    said(tag[field]),
    edited.has(field) ? 'set by an operator' : '',
  ]);
  const flag = tag.described ? [] : ['  unknown: its gateway has not announced it, and nobody has described it'];
  return [textOf(tag), ...table([['  type', tag.type, ''], ...rows]), ...flag];
}

function editedFields(versions: readonly StoredVersion[]): ReadonlySet<string> {
  const edited = new Set<string>();
  for (const { origin, stated, released } of versions.toSorted((a, b) => (a.validFrom < b.validFrom ? -1 : 1))) {
    if (origin === 'birth') continue;
    for (const field of Object.keys(stated)) edited.add(field);
    for (const field of released) edited.delete(field);
  }
  return edited;
}

export function historyLines(tag: RegisteredTag, versions: readonly StoredVersion[]): string[] {
  const stated = versions.map((version) => [
    `  ${isoOf(version.statedAt)}`,
    version.origin === 'birth' ? 'gateway' : 'operator',
    fromText(version.validFrom),
    statedText(version),
  ]);
  const nothing = versions.length === 0 ? ['  nothing'] : [];
  return [
    `${textOf(tag)}: what was stated, and when`,
    ...table(stated),
    ...nothing,
    'what holds',
    ...periodLines(periodsOf(versions)),
  ];
}

function statedText({ origin, type, stated, released, note }: StoredVersion): string {
  const all: Partial<Fields> = stated;
  const words = fieldNames.flatMap((field) => {
    const value = all[field];
    // A birth says nothing of what it leaves out; an operator says that there is none.
    return value === undefined || (value === null && origin === 'birth') ? [] : [`${field} ${value ?? 'none'}`];
  });
  const parts = [
    ...(type === null ? [] : [`type ${type}`]),
    ...words,
    ...released.map((field) => `${field} as the gateway says`),
  ];
  return `${parts.join(', ')}${note === null ? '' : `  (${note})`}`;
}

export const periodLines = (periods: readonly Period[]): string[] =>
  table(
    periods.map(({ from, fields }) => [
      `  ${fromText(from)}`,
      fieldNames.flatMap((field) => (fields[field] === null ? [] : [`${field} ${fields[field]}`])).join(', '),
    ]),
  );

const fromText = (from: number): string =>
  from === Number.NEGATIVE_INFINITY ? 'from the beginning' : `from ${isoOf(from)}`;
const said = (value: string | number | null): string => String(value ?? '–');

/** The commands that bring stored rows in line with the changes, one for each gateway that has such rows. `replay`: how it is called. */
export function repairLines(changes: readonly Change[], replay: string): string[] {
  const commands = [...Map.groupBy(changes, ({ edit }) => edit.gateway)].flatMap(([gateway, those]) => {
    const stale = those.flatMap(({ edit, stale: span }) => (span === null ? [] : [{ ...span, device: edit.device }]));
    if (stale.length === 0) return [];
    const from = isoOf(Math.min(...stale.map((span) => span.from)));
    const to = isoOf(Math.max(...stale.map((span) => span.to)));
    const devices = new Set(stale.map(({ device }) => device));
    const device = devices.size === 1 ? ` --device ${[...devices][0]}` : '';
    return [`  ${replay} --from ${from} --to ${to} --gateway ${gateway}${device}`];
  });
  if (commands.length === 0) return [];
  return [
    'Rows that are stored already were made by what held before. What the backbone still has of them is repaired by',
    ...commands,
  ];
}
