import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';

const root = join(import.meta.dirname, '../../..');

const byLibrary = (text: string): { errors: number; value: unknown } => {
  const document = parseDocument(text, { prettyErrors: false });
  return { errors: document.errors.length, value: document.errors.length === 0 ? document.toJS() : undefined };
};

const expectAsLibrary = (text: string): unknown => {
  const plain = readPlainYaml(text);
  if (plain !== undefined) expect({ errors: 0, value: plain }).toStrictEqual(byLibrary(text));
  return plain;
};

const key = fc.constantFrom(
  'device',
  'tags',
  'everyMs',
  'unit',
  'null',
  'True',
  'a-b',
  'energy.import.l1',
  '_x',
  '__proto__',
  'constructor',
);
const scalar = fc.oneof(
  fc.constantFrom(
    '127.0.0.1',
    'mqtt://host:1883',
    'm³/h',
    '°C',
    'energy drawn (−) or fed back (+)',
    'pulses; wraps at 2^32, then 0',
    'a, b',
    'a (b',
    'a: b',
    'a #b',
    '0x1F',
    '4xxxx',
    '4xxxxxx',
    '1e3',
    '007',
    '.5',
    '-',
    '~',
    'yes',
    'NULL',
  ),
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value: settings } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));
const written = fc
  .record({ value: settings, flow: fc.boolean(), indentSeq: fc.boolean(), indent: fc.constantFrom(1, 2, 4) })
  .map(({ value, flow, indentSeq, indent }) =>
    stringify(value, { indent, indentSeq, ...(flow ? { collectionStyle: 'flow' as const } : {}) }),
  );

/** What people mistype, and what YAML has beside the plain. */
const pieces = fc.constantFrom(
  ' ',
  '  ',
  '\n',
  '\n  ',
  '- ',
  ': ',
  ':',
  '#',
  ' # x',
  ',',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '&a ',
  '*a',
  '!x ',
  '|',
  '>',
  '%',
  '\t',
  '\r',
  '---',
  '?',
  '-',
  '0',
  'a',
  '...',
  '<<: ',
  '\u00a0',
  '\u2028',
  '\ufeff',
);

describe('plain YAML', () => {
  it('is read as the library reads it, in every example', () => {
    const files = globSync('deploy/**/*.{yaml,yml}', { cwd: root, exclude: (name) => name === 'node_modules' });
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expectAsLibrary(readFileSync(join(root, file), 'utf8'));
  });

  it('is what settings are commonly written in', () => {
    const text = readFileSync(join(root, 'deploy/examples/pumping-station/edge.yaml'), 'utf8');
    expect(expectAsLibrary(text)).toBeDefined();
  });

  it('is read as the library reads it, whatever is in it', () => {
    fc.assert(
      fc.property(written, (text) => void expectAsLibrary(text)),
      { numRuns: 1_000 },
    );
  });

  it('is read as the library reads it where lists are written twice, in the same lines or nearly so', () => {
    const twice = fc.record({ list: fc.array(settings, { maxLength: 4 }), more: settings, indentSeq: fc.boolean() });
    fc.assert(
      fc.property(twice, ({ list, more, indentSeq }) => {
        const devices = [list, list, [...list, more]].map((tags) => ({ device: 'd', tags, last: more }));
        expectAsLibrary(stringify({ devices }, { indentSeq, aliasDuplicateObjects: false }));
      }),
      { numRuns: 500 },
    );
  });

  it('is read as the library reads it or left to it, whatever is typed into it', () => {
    const typed = fc.record({
      text: written,
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      piece: pieces,
      cut: fc.nat(3),
    });
    fc.assert(
      fc.property(typed, ({ text, at, piece, cut }) => {
        const place = Math.floor(at * text.length);
        expectAsLibrary(text.slice(0, place) + piece + text.slice(place + cut));
      }),
      { numRuns: 2_000 },
    );
  });
});
