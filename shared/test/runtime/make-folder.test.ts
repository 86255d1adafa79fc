import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';

describe('making a folder', () => {
  it('makes those above it too, and takes one that is there', () => {
    const folder = join(temporaryFolder(), 'a', 'b', 'c');
    makeFolder(folder);
    makeFolder(folder);
    expect(existsSync(folder)).toBe(true);
  });

  it('gives the error of the system where nothing can be made', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(() => makeFolder(join(file, 'a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
    expect(() => makeFolder(file)).toThrow(/file is a file: a folder is needed there$/);
    expect(() => makeFolder('/proc/no-such-folder/journal')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
