/** Between names: no name holds it, while a slash may stand in one. */
const between = '\0';

/** `*` and `?` stand for characters of one name, `**` also for names; a glob without a slash is one for the last name. */
export function pathFilter(glob: string): (names: readonly string[]) => boolean {
  const form = new RegExp(
    `^${glob
      .split(/(\*\*\/|\*\*|\*|\?|\/)/)
      .map(partOf)
      .join('')}$`,
    'su',
  );
  if (glob.includes('/')) return (names) => form.test(names.join(between));
  return (names) => form.test(names.at(-1) ?? '');
}

const wild: Readonly<Record<string, string>> = {
  '**/': `(?:.*${between})?`,
  '**': '.*',
  '*': `[^${between}]*`,
  '?': `[^${between}]`,
  '/': `[/${between}]`,
};

const partOf = (part: string): string => wild[part] ?? RegExp.escape(part);
