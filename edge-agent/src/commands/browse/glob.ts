/** `*` and `?` stand for characters of one name, `**` also for slashes; a glob without a slash is one for the last name. */
export function pathFilter(glob: string): (path: string) => boolean {
  const form = new RegExp(
    `^${glob
      .split(/(\*\*\/|\*\*|\*|\?)/)
      .map(partOf)
      .join('')}$`,
    'su',
  );
  if (glob.includes('/')) return (path) => form.test(path);
  return (path) => form.test(path.slice(path.lastIndexOf('/') + 1));
}

const wild: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };

const partOf = (part: string): string => wild[part] ?? RegExp.escape(part);
