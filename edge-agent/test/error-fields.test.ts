import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorFields } from '../src/error-fields.ts';

const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('an error in a log line', () => {
  it('is message and code without a stack where it is ordinary trouble', () => {
    const trouble = thrownBy(() => statSync('/nowhere/at/all'));
    expect(errorFields(trouble)).toEqual({ reason: expect.stringContaining('no such file'), cause: 'ENOENT' });
  });

  it('keeps its stack where it is a mistake in the program', () => {
    const mistake = thrownBy(() => new Array(-1));
    expect(errorFields(mistake)).toEqual({ err: mistake });
  });
});
