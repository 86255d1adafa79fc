/**
 * Browse paths as settings write them: browse names from the Objects folder, parted by slashes. A name may begin with its namespace, as in
 * `nsu=urn:plant;Line1` or `0:Server` (OPC 10000-6 5.1.13); one that does not is in the namespace that its device states. `*` stands for any
 * characters of a name. `&` before a character makes it a part of the name, as in OPC 10000-4 A.2.
 */

export type NamespaceName = { readonly uri: string } | { readonly index: number };

export type PathName = {
  /** null: that of the device. */
  readonly namespace: NamespaceName | null;
  /** What stands before, between and behind its wildcards; one text where it has none. */
  readonly texts: readonly string[];
};

export const pathRule =
  'must be browse names below the Objects folder, such as Line1/Motor1/Speed or nsu=urn:plant;Line1/0:Server; & goes before / * & in a name';

const nameForm = /(?:nsu=([^;]+);|(\d{1,5}):|(?!nsu=|\d{1,5}:))((?:&.|[^&/])+)(\/|$)/sy;

/** null for a text that is no path. */
export function parsePath(text: string): PathName[] | null {
  const names: PathName[] = [];
  nameForm.lastIndex = 0;
  for (;;) {
    const found = nameForm.exec(text);
    if (found === null) return null;
    const [, uri, index, written = '', end] = found;
    names.push({ namespace: namespaceOf(uri, index), texts: textsOf(written) });
    if (end === '') return names;
  }
}

function namespaceOf(uri: string | undefined, index: string | undefined): NamespaceName | null {
  if (uri !== undefined) return { uri };
  return index === undefined ? null : { index: Number(index) };
}

/** Parted at each `*` that no `&` stands before. */
const textsOf = (written: string): string[] => {
  const texts = [''];
  for (const [part] of written.matchAll(/&.|./gsu)) {
    if (part === '*') texts.push('');
    else texts.push(`${texts.pop()}${part.length > 1 && part.startsWith('&') ? part.slice(1) : part}`);
  }
  return texts;
};

export const hasWildcard = (names: readonly PathName[]): boolean => names.some(({ texts }) => texts.length > 1);

/** The inverse of `parsePath`. */
export const writePath = (names: readonly PathName[]): string => names.map(writeName).join('/');

function writeName({ namespace, texts }: PathName): string {
  const text = texts.map((one) => one.replaceAll(/[&/*]/g, '&$&')).join('*');
  if (namespace !== null) return `${'uri' in namespace ? `nsu=${namespace.uri};` : `${namespace.index}:`}${text}`;
  // Else its beginning would be taken for a namespace.
  return text.replace(/^(\d{1,5}):/, '$1&:').replace(/^nsu=/, '&nsu=');
}
