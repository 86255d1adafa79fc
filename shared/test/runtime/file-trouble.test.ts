import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileTrouble } from '@fieldline/shared/runtime/file-trouble';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

function troubleOf(path: string): string {
  try {
    readFileSync(path);
    return '';
  } catch (error) {
    return fileTrouble(error);
  }
}

test('why a file cannot be read is said without the name of an error of the system', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'round'), join(folder, 'round'));
  expect(troubleOf(join(folder, 'file'))).toBe('');
  expect(troubleOf(join(folder, 'other'))).toBe(
    'there is no such file or folder: is the path right, and what it is relative to?',
  );
  expect(troubleOf(folder)).toBe('is a folder: name a file in it');
  expect(troubleOf(join(folder, 'file', 'in'))).toMatch(/^a part of this path is a file/);
  expect(troubleOf(join(folder, 'round'))).toMatch(/^its symbolic links lead back to themselves/);
  expect(troubleOf(join(folder, 'n'.repeat(300)))).toMatch(/^the name is longer than the file system allows/);
});

test('what has no words of ours keeps its own', () => {
  expect(fileTrouble(new Error('the card was pulled out'))).toBe('the card was pulled out');
  expect(fileTrouble('gone')).toBe('gone');
});
