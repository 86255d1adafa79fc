import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { isDamage, isDiskTrouble } from '../../src/journal/trouble.ts';

describe('trouble with the disk', () => {
  it('is what better-sqlite3 says of a folder that is gone, and no damage', () => {
    const make = () => new Database(join(temporaryFolder(), 'gone', 'file'));
    expect(make).toThrow(TypeError);
    try {
      make();
    } catch (error) {
      expect([isDiskTrouble(error), isDamage(error)]).toEqual([true, false]);
    }
  });
});
