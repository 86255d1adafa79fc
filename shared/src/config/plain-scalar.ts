/** The single values of `plain-yaml.ts`, and the maps and lists that stand on one line. */

/** It is left to the library. */
export const notPlain = Symbol('not plain');

const keyPattern = /^([A-Za-z_][\w.-]*):(?= |$)/;
/** Whatever begins like a number and is none of these is left to the library. */
const numberPattern = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
const hexPattern = /^0x[0-9a-fA-F]{1,12}$/;
/** Texts that begin like a number: an IPv4 address, a notation of register addresses. */
const addressPattern = /^(?:\d{1,3}(?:\.\d{1,3}){3}|4x{4,5})$/;
/** Colons only within a word. What separates or ends things on one line (`Flow`) never gets here from there. */
const textPattern = /^(?:\.{1,2}\/|[A-Za-z_/°µ])(?:[\w./@+°µ²³%,;()^=−–-]|:(?=[\w/])| (?=[\w./°µ(+−–]))*$/;
const quotedPattern = /^(?:"[^"\\\p{C}]*"|'[^'\p{C}]*')$/u;
const commentPattern = / +#.*$/;
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
/** There are other ways to write them. */
const wordPattern = /^(?:true|false|null)$/i;

/** The key at the beginning of a line, or null where there is no plain one. */
export function plainKey(text: string): string | null {
  const key = keyPattern.exec(text)?.[1];
  return key === undefined || key === '__proto__' || wordPattern.test(key) ? null : key;
}

/** Alone on the rest of a line. */
export function plainValue(content: string): unknown {
  return single(content.includes('#') ? withoutComment(content) : content);
}

/** A quote that is open there is not closed then, and so not plain. */
const withoutComment = (content: string): string => content.replace(commentPattern, '');

function single(text: string): unknown {
  if (numberPattern.test(text)) return Number(text);
  if (textPattern.test(text)) return wordPattern.test(text) ? (words.has(text) ? words.get(text) : notPlain) : text;
  if (quotedPattern.test(text)) return text.slice(1, -1);
  if (hexPattern.test(text)) return Number(text);
  return addressPattern.test(text) ? text : notPlain;
}

/** A map or list, on one line whole. */
export function plainFlow(content: string): unknown {
  const flow = new Flow(content.includes('#') ? withoutComment(content) : content);
  const value = flow.value();
  return flow.isAtEnd ? value : notPlain;
}

const blanks = /^ +| +$/g;
const itemPattern = /[^,[\]{}"']+|"[^"]*" *|'[^']*' */y;
const flowKeyPattern = /([A-Za-z_][\w.-]*): +/y;

class Flow {
  private readonly text: string;
  private at = 0;
  private failed = false;

  constructor(text: string) {
    this.text = text;
  }

  get isAtEnd(): boolean {
    return !this.failed && this.at === this.text.length;
  }

  value(): unknown {
    if (this.skip('[')) return this.list();
    if (this.skip('{')) return this.map();
    const value = single((this.match(itemPattern)?.[0] ?? '').replace(blanks, ''));
    if (value === notPlain) this.failed = true;
    return value;
  }

  private list(): unknown {
    const list: unknown[] = [];
    if (this.skip(']')) return list;
    do list.push(this.value());
    while (!this.failed && this.skip(','));
    return this.ended(']') ? list : notPlain;
  }

  private map(): unknown {
    const map: Record<string, unknown> = {};
    if (this.skip('}')) return map;
    do {
      const key = plainKey(this.match(flowKeyPattern)?.[0] ?? '');
      if (key === null || key in map) return this.ended('');
      map[key] = this.value();
    } while (!this.failed && this.skip(','));
    return this.ended('}') ? map : notPlain;
  }

  private ended(sign: string): boolean {
    if (sign === '' || !this.skip(sign)) this.failed = true;
    return !this.failed;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  /** With the blanks behind it. */
  private skip(sign: string): boolean {
    if (!this.text.startsWith(sign, this.at)) return false;
    this.at += 1;
    while (this.text[this.at] === ' ') this.at += 1;
    return true;
  }
}
