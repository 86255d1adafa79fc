import { expect, test } from 'vitest';
import { maxSourceLines, tidy } from '../../check/tidy.ts';

const root = '/srv/checkouts/fieldline';
const check = (files: Record<string, string>): string[] =>
  tidy({ files: Object.keys(files), read: (file) => Buffer.from(files[file] ?? ''), root });

test('a source file of more lines than the bound is named; a test may be longer', () => {
  const long = 'x;\n'.repeat(maxSourceLines + 1);
  expect(check({ 'a/src/long.ts': long, 'a/test/long.test.ts': long })).toEqual([
    expect.stringContaining('a/src/long.ts: 301 lines'),
  ]);
});

test('unfinished work is named with its line', () => {
  expect(check({ 'a/src/x.ts': `one\n// ${'TO'}DO later\n` })).toEqual([expect.stringContaining('a/src/x.ts:2')]);
  expect(check({ 'a/src/x.ts': 'const TODOS = 1;\n' })).toEqual([]);
});

test('a path of the machine at hand is named, one that only begins alike is not', () => {
  expect(check({ 'README.md': `cd ${root}/deploy\n` })).toHaveLength(1);
  expect(check({ 'README.md': `cd ${root}-other/deploy\n` })).toEqual([]);
});

test('a lock file that names a registry is refused, a workspace link in it is not', () => {
  const lock = '"resolved": "shared",\n"resolved": "https://example.invalid/x.tgz",\n';
  expect(check({ 'package-lock.json': lock })).toEqual([expect.stringContaining('package-lock.json:2')]);
});

test('binary files and files that git lists but that are gone are left alone', () => {
  const read = (file: string): Buffer => {
    if (file === 'gone.ts') throw new Error('ENOENT');
    return Buffer.from(`\0${'TO'}DO`);
  };
  expect(tidy({ files: ['gone.ts', 'golden.dat'], read, root })).toEqual([]);
});
