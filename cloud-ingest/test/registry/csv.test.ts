import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvLine, parseCsv } from '../../src/registry/csv.ts';
import { readTagFile } from '../../src/registry/tag-file.ts';

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

describe('a file of tags', () => {
  const problems = (text: string) =>
    readTagFile(text).problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);

  test('must name its columns in the first line', () => {
    expect(problems('')).toEqual([expect.stringMatching(/^1:1: is empty: the first line is gateway,device,tag/)]);
    expect(problems('gateway,tag,scael,tag\n')).toEqual([
      '1:13: there is no column "scael": did you mean scale?',
      '1:19: the column tag stands here twice; remove one of the two',
      '1:1: the first line names the columns, and device must be among them',
    ]);
  });

  test('tells every wrong cell of every line', () => {
    expect(problems('gateway,device,tag,scale,minimum,unit\ng,d,/x,0,low,\ng,d,t,,,"a\tb"\n')).toEqual([
      expect.stringMatching(/^2:5: tag is "\/x": an id is/),
      '2:8: scale is 0, which leaves nothing of the value',
      '2:10: minimum is "low", not a number',
      '3:9: unit has a control character in it, such as a line break or a tab',
    ]);
  });

  test('leaves a field of an empty cell as it is, and knows that there is none', () => {
    expect(readTagFile('gateway,device,tag,type,unit,minimum,offset\ng,d,t,int16,none,none,\n').edits).toMatchObject([
      { gateway: 'g', device: 'd', tag: 't', stated: { unit: null, minimum: null } },
    ]);
  });
});
