import { describe, expect, test } from 'vitest';
import { readTagFile } from '../../src/registry/tag-file.ts';

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
