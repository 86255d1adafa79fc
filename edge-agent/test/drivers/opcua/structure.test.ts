import { describe, expect, test } from 'vitest';
import { DataType } from '../../../src/drivers/opcua/library.ts';
import { noTypes } from '../../../src/drivers/opcua/values/content.ts';
import { textOf } from '../../../src/drivers/opcua/values/content-text.ts';
import { decodeBody, type Field, type TypeDescription } from '../../../src/drivers/opcua/values/structure.ts';

const field = (name: string, options: Partial<Field> = {}): Field => ({
  name,
  type: 'uint16',
  rank: -1,
  isOptional: false,
  ...options,
});
const types: Record<string, TypeDescription> = {
  uint16: { kind: 'built-in', dataType: DataType.UInt16, names: null },
  plain: { kind: 'structure', form: 'plain', fields: [field('A'), field('B')] },
  arrays: { kind: 'structure', form: 'plain', fields: [field('List', { rank: 1 }), field('Matrix', { rank: 2 })] },
  optional: {
    kind: 'structure',
    form: 'optional',
    fields: [field('A', { isOptional: true }), field('B'), field('C', { isOptional: true })],
  },
  union: { kind: 'structure', form: 'union', fields: [field('A'), field('B')] },
  chain: { kind: 'structure', form: 'plain', fields: [field('Next', { type: 'chain' })] },
  gap: { kind: 'structure', form: 'plain', fields: [field('A'), field('Secret', { type: 'nobody knows' })] },
};

function decode(name: string, ...words: number[]): string | null {
  const type = types[name];
  if (type === undefined) throw new Error(`no type ${name}`);
  const body = Buffer.concat(words.map((word) => Buffer.from(Uint16Array.of(word).buffer)));
  return textOf(decodeBody(type, body, (key) => types[key], noTypes)).text;
}

describe('the body of a structure', () => {
  test.each([
    ['with its fields in their order', 'plain', [1, 2], '{"A":1,"B":2}'],
    ['with arrays and matrices', 'arrays', [2, 0, 7, 8, 2, 0, 1, 0, 2, 0, 5, 6], '{"List":[7,8],"Matrix":[[5,6]]}'],
    ['with null arrays', 'arrays', [0xffff, 0xffff, 0, 0], '{"List":null,"Matrix":null}'],
    ['with some of its optional fields', 'optional', [2, 0, 5, 6], '{"B":5,"C":6}'],
    ['of a union', 'union', [2, 0, 9], '{"B":9}'],
    ['of a union that is null', 'union', [0, 0], '{}'],
  ])('%s', (_what, name, words, text) => {
    expect(decode(name, ...words)).toBe(text);
  });

  test.each([
    ['is longer than its type', 'plain', [1, 2, 3]],
    ['is shorter than its type', 'plain', [1]],
    ['has a length that it cannot have', 'arrays', [0xffff, 0x7fff, 1]],
    ['chooses a field that its union has not', 'union', [3, 0, 9]],
    ['lies in itself without an end', 'chain', []],
    ['has a part that the server does not describe', 'gap', [1, 2]],
  ])('that %s is not decoded at all', (_what, name, words) => {
    expect(() => decode(name, ...words)).toThrow();
  });
});
