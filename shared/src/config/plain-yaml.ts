/**
 * Reads the plain part of YAML fast: maps, lists, numbers and texts as settings are commonly written, in blocks or on one line.
 * The library that knows all of YAML keeps each token with its place, which takes a second for 15,000 tags; here it is a tenth of it.
 *
 * Invariant: what is read here is what the library reads, without errors. Whatever is not plain beyond doubt is left to it:
 * anchors, tags, texts over several lines, escapes, odd numbers, keys that are set twice.
 */
import { notPlain, plainFlow, plainKey, plainValue } from './plain-scalar.ts';

/** Characters. V8 makes what is cut out of a text a view into it from this length on, which keeps all of the text in memory. */
const shortestSlice = 13;
const blank = 0x20;

/** `at`: where its row begins in the whole text. */
type Line = { readonly at: number; readonly indent: number; readonly text: string };

/** undefined where it is not all plain. */
export function readPlainYaml(text: string): unknown {
  const reader = new Reader(text);
  const value = reader.block(0);
  return reader.isAtEnd ? value : undefined;
}

/** Without blanks around them, empty ones and comments. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let at = 0;
  for (const row of text.split('\n')) {
    let indent = 0;
    while (row.charCodeAt(indent) === blank) indent += 1;
    let end = row.length;
    while (end > indent && row.charCodeAt(end - 1) === blank) end -= 1;
    if (end > indent && row[indent] !== '#') lines.push({ at, indent, text: row.slice(indent, end) });
    at += row.length + 1;
  }
  return lines;
}

/** Whatever it gives is undefined from the first thing on that is not plain; null and empty values are none of that. */
class Reader {
  private readonly text: string;
  private readonly lines: readonly Line[];
  /** By their lines: a large plant has few kinds of devices and many of each, whose tags are one list then. */
  private readonly lists = new Map<string, unknown>();
  /** Settings repeat few texts many times: each is kept once. */
  private readonly texts = new Map<string, string>();
  private at = 0;
  private failed = false;

  constructor(text: string) {
    this.text = text;
    this.lines = linesOf(text);
  }

  get isAtEnd(): boolean {
    return !this.failed && this.at === this.lines.length;
  }

  /** All lines of this indent, which make one map or one list. */
  block(indent: number): unknown {
    const line = this.lines[this.at];
    if (line === undefined || line.indent !== indent) return this.fail();
    return isEntry(line.text) ? this.list(indent) : this.map(indent, line.text);
  }

  private list(indent: number): unknown {
    const end = this.endOfList(indent);
    const rows = this.text.slice(this.lines[this.at]?.at, this.lines[end]?.at);
    const known = this.lists.get(rows);
    if (known === undefined) {
      const list = this.newList(indent);
      this.lists.set(rows, list);
      return list;
    }
    this.at = end;
    return known;
  }

  /** What stands deeper belongs to an entry. */
  private endOfList(indent: number): number {
    let end = this.at;
    for (let line = this.lines[end]; line !== undefined; line = this.lines[++end]) {
      if (line.indent < indent || (line.indent === indent && !isEntry(line.text))) break;
    }
    return end;
  }

  private newList(indent: number): unknown {
    const list: unknown[] = [];
    for (let line = this.lines[this.at]; line?.indent === indent && isEntry(line.text); line = this.lines[this.at]) {
      const content = line.text.slice(1).replace(leadingBlanks, '');
      if (content === '' || isEntry(content)) return this.fail();
      const within = indent + line.text.length - content.length;
      list.push(this.entry(content, within));
      if (this.failed) return undefined;
    }
    return list;
  }

  /** A map that begins behind the dash, or a single value. */
  private entry(content: string, indent: number): unknown {
    if (plainKey(content) !== null) return this.map(indent, content);
    this.at += 1;
    return this.take(content);
  }

  /** `first`: the text of its first line, which may stand behind a dash. */
  private map(indent: number, first: string): unknown {
    const map: Record<string, unknown> = {};
    for (let text: string | undefined = first; text !== undefined; text = this.nextOf(indent)) {
      const key = plainKey(text);
      if (key === null || key in map) return this.fail();
      this.at += 1;
      map[key] = this.valueOf(text.slice(key.length + 1).replace(leadingBlanks, ''), indent);
      if (this.failed) return undefined;
    }
    return map;
  }

  private nextOf(indent: number): string | undefined {
    const line = this.lines[this.at];
    return line?.indent === indent && !isEntry(line.text) ? line.text : undefined;
  }

  /** What stands behind a key, or below it. */
  private valueOf(content: string, indent: number): unknown {
    if (content !== '' && !content.startsWith('#')) return this.take(content);
    const below = this.lines[this.at];
    if (below === undefined || below.indent < indent) return null;
    if (below.indent > indent) return this.block(below.indent);
    return isEntry(below.text) ? this.list(indent) : null;
  }

  private take(content: string): unknown {
    const isFlow = content.startsWith('{') || content.startsWith('[');
    const value = isFlow ? plainFlow(content) : plainValue(content);
    if (value === notPlain) return this.fail();
    return typeof value === 'string' ? this.textOf(value) : value;
  }

  private textOf(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    const own = text.length < shortestSlice ? text : Buffer.from(text).toString();
    this.texts.set(own, own);
    return own;
  }

  private fail(): undefined {
    this.failed = true;
    return undefined;
  }
}

const leadingBlanks = /^ +/;
const isEntry = (text: string): boolean => text === '-' || text.startsWith('- ');
