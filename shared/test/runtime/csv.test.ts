import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvLine, parseCsv } from '../../src/runtime/csv.ts';

const texts = (text: string) => parseCsv(text).rows.map((row) => row.map((cell) => cell.text));

describe('a file of comma-separated values', () => {
  test('gives back every cell that was written', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', ',', ';', '"', '\n', '\r', '\t', 'ü') });
    const row = fc.array(cell, { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
        const text = [['one', 'two'], ...rows].map((cells) => `${csvLine(cells)}\r\n`).join('');
        expect(parseCsv(text).problems).toEqual([]);
        expect(texts(text)).toEqual([['one', 'two'], ...rows]);
      }),
    );
  });

  test('may be parted by semicolons or tabs, begin with a byte order mark and have empty lines', () => {
    expect(texts('\ufeffa;b,c;d\n\n1;"2;3";\n')).toEqual([
      ['a', 'b,c', 'd'],
      ['1', '2;3', ''],
    ]);
    expect(texts('a\tb\n1\t2')).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });

  test('tells the place of each cell, behind quotes with line breaks too', () => {
    const { rows } = parseCsv('a,b\n"x\ny",b\r\nc,d\n');
    expect(rows.flat().map(({ text, line, column }) => [text, line, column])).toEqual([
      ['a', 1, 1],
      ['b', 1, 3],
      ['x\ny', 2, 1],
      ['b', 3, 4],
      ['c', 4, 1],
      ['d', 4, 3],
    ]);
  });

  test('with quotes that do not close is a problem with a place', () => {
    expect(parseCsv('a,b\n1,"2\n3,4\n').problems).toEqual([
      { line: 2, column: 3, message: expect.stringContaining('has no end') },
    ]);
    expect(parseCsv('a,b\n1,"2"x\n').problems).toMatchObject([
      { line: 2, column: 6, message: expect.stringContaining('behind the end of a quote') },
    ]);
  });
});
